package main

import (
	"slices"
	"testing"
)

func TestEditsChangeOnePlaceEach(t *testing.T) {
	src := []byte("package p\n\nfunc f(a, b int) bool {\n\tfor range a {\n\t\tif a < b && !g() {\n\t\t\tcontinue\n\t\t}\n\t\th(1)\n\t\ta = b\n\t}\n\treturn true\n}\n")
	all, err := edits("p.go", src)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range all {
		got = append(got, string(src[e.from:e.to])+" -> "+e.text)
	}
	for _, want := range []string{
		"< -> <=", "< -> >=", "&& -> ||", "! -> ", "continue -> break", "h(1) -> ", " -> +1", "true -> false",
		"a = b -> if false { a = b }", "a < b && !g() -> false && (a < b && !g())", "a < b && !g() -> true || (a < b && !g())",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
	if len(got) != 11 {
		t.Errorf("%d changes: %q", len(got), got)
	}
	if _, err := edits("p.go", []byte("package")); err == nil {
		t.Error("half a file is no error")
	}
}
