package nethttp

import (
	"net/http"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// Everything that http.Server exports is there, with the same type.
func TestSameFieldsAndMethods(t *testing.T) {
	theirs, ours := reflect.TypeFor[http.Server](), reflect.TypeFor[Server]()
	for f := range theirs.Fields() {
		if !f.IsExported() {
			continue
		}
		own, ok := ours.FieldByName(f.Name)
		require.True(t, ok, "field %s", f.Name)
		require.Equal(t, f.Type, own.Type, "field %s", f.Name)
	}
	theirs, ours = reflect.PointerTo(theirs), reflect.PointerTo(ours)
	for m := range theirs.Methods() {
		own, ok := ours.MethodByName(m.Name)
		require.True(t, ok, "method %s", m.Name)
		require.Equal(t, signature(m), signature(own), "method %s", m.Name)
	}
	require.Equal(t, reflect.TypeOf(http.Serve), reflect.TypeOf(Serve))
	require.Equal(t, reflect.TypeOf(http.ServeTLS), reflect.TypeOf(ServeTLS))
	require.Equal(t, reflect.TypeOf(http.ListenAndServe), reflect.TypeOf(ListenAndServe))
	require.Equal(t, reflect.TypeOf(http.ListenAndServeTLS), reflect.TypeOf(ListenAndServeTLS))
}

// signature is a method's type without its receiver.
func signature(m reflect.Method) string {
	text := ""
	for i := 1; i < m.Type.NumIn(); i++ {
		text += m.Type.In(i).String() + ","
	}
	for i := range m.Type.NumOut() {
		text += " " + m.Type.Out(i).String()
	}
	return text
}

// The http.Server under http.ServerContextKey has every field. It gets connections whose context has been made.
func TestDelegateHasFields(t *testing.T) {
	s := &Server{}
	v := reflect.ValueOf(s).Elem()
	for f := range reflect.TypeFor[http.Server]().Fields() {
		if f.IsExported() {
			set(v.FieldByName(f.Name))
		}
	}
	shadow := reflect.ValueOf(s.newDelegate()).Elem()
	for f := range reflect.TypeFor[http.Server]().Fields() {
		if f.IsExported() && f.Name != "ConnContext" && f.Name != "BaseContext" {
			require.False(t, shadow.FieldByName(f.Name).IsZero(), "field %s", f.Name)
		}
	}
}

func set(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	case reflect.Func:
		v.Set(reflect.MakeFunc(v.Type(), nil))
	case reflect.Interface:
		v.Set(reflect.ValueOf(http.NewServeMux()))
	}
}
