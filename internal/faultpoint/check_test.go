package faultpoint

import "testing"

func TestNothingIsSetFromTheStartOrLeft(t *testing.T) {
	if Check() != nil || Cold() != nil || File() != nil {
		t.Fatal("something is set from the start")
	}
	restores := []func(){
		SetCheck(func(string) error { return nil }), SetCold(func() bool { return true }),
		SetFile(func(string, []byte) ([]byte, error) { return nil, nil }),
	}
	if Check() == nil || Cold() == nil || File() == nil {
		t.Error("what was set is not there")
	}
	for _, restore := range restores {
		restore()
	}
	if Check() != nil || Cold() != nil || File() != nil {
		t.Error("something is still set")
	}
}
