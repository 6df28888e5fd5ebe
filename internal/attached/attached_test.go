package attached

import "testing"

func TestOneReaderAtATime(t *testing.T) {
	type source struct{ name string }
	a, b := &source{"a"}, &source{"a"}
	release, free := Claim(a)
	if !free {
		t.Fatal("a new source is taken")
	}
	if _, free := Claim(a); free {
		t.Error("a source was given to two readers")
	}
	if _, free := Claim(b); !free {
		t.Error("another source that looks the same is taken")
	}
	release()
	again, free := Claim(a)
	if !free {
		t.Fatal("a released source stays taken")
	}
	release() // the first reader's: it must not take the source from the second
	if _, free := Claim(a); free {
		t.Error("releasing twice freed the source of somebody else")
	}
	again()
}

func TestWhatCannotBeComparedIsFree(t *testing.T) {
	source := struct{ list []int }{}
	for range 2 {
		if _, free := Claim(source); !free {
			t.Error("taken")
		}
	}
}
