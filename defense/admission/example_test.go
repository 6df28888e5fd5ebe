package admission_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/falsifiable/stability/defense/admission"
)

func ExampleController_Do() {
	control, err := admission.New(admission.Config{Name: "reports"})
	if err != nil {
		panic(err)
	}
	err = control.Do(context.Background(), admission.Sheddable, func(context.Context) error { return nil })
	fmt.Println(err, errors.Is(err, admission.ErrShed))
	// Output: <nil> false
}
