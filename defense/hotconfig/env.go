package hotconfig

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// override sets the fields of a value from the environment, which goes before the file. The variable of db.addr with the
// prefix PAYMENT is PAYMENT_DB_ADDR; lists and maps are given as YAML, such as [a, b].
func override(value any, prefix string, lookup func(string) (string, bool)) error {
	if prefix == "" {
		return nil
	}
	var errs []error
	overrideStruct(reflect.ValueOf(value).Elem(), strings.TrimSuffix(prefix, "_"), false, lookup, &errs)
	return errors.Join(errs...)
}

func overrideStruct(v reflect.Value, prefix string, secret bool, lookup func(string) (string, bool), errs *[]error) {
	if v.Kind() != reflect.Struct {
		return
	}
	for _, f := range fieldsOf(v.Type()) {
		inner := v.FieldByIndex(f.index)
		variable := prefix + "_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(f.name))
		if inner.Kind() == reflect.Struct && !isScalar(f.typ) {
			overrideStruct(inner, variable, secret || f.secret, lookup, errs)
			continue
		}
		text, ok := lookup(variable)
		if !ok {
			continue
		}
		if err := set(inner, text); err != nil {
			shown := fmt.Sprintf("%q", cut(text, 60))
			if secret || f.secret {
				shown = "of the wrong kind (and secret)"
			}
			*errs = append(*errs, fmt.Errorf("the environment variable %s is %s; want %s", variable, shown, typeName(f.typ)))
		}
	}
}

// set decodes a text as the type wants it.
func set(v reflect.Value, text string) error {
	if v.Kind() == reflect.String {
		v.SetString(text) // as it stands: "yes" is no bool here
		return nil
	}
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		return err
	}
	if len(document.Content) == 0 {
		return errors.New("it is empty")
	}
	fresh := reflect.New(v.Type())
	if err := fill(document.Content[0], fresh.Interface(), false); err != nil {
		return err
	}
	v.Set(fresh.Elem())
	return nil
}
