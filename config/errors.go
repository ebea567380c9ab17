package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one mistake in a configuration file.
type Error struct {
	// File is the name as it was given; "" when there is none.
	File string
	// Line and Column count from 1, the column in characters. Both are 0
	// when the error is about the file as a whole.
	Line, Column int
	// Message says what is wrong and what is allowed there.
	Message string
	// Err is the cause when there is one: a *fs.PathError and the like.
	Err error
}

// Error returns "file:line:column: message".
func (e *Error) Error() string {
	switch {
	case e.Line == 0 && e.File == "":
		return e.Message
	case e.Line == 0:
		return fmt.Sprintf("%s: %s", e.File, e.Message)
	case e.File == "":
		return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.Err }

// Errors are all mistakes of one file in the order of their positions. Every
// error of Parse and Load is an Errors with at least one entry.
type Errors []*Error

// Error returns one line for each mistake.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is and errors.As look at each mistake.
func (es Errors) Unwrap() []error {
	errs := make([]error, len(es))
	for i, e := range es {
		errs[i] = e
	}
	return errs
}

// maxErrors is how many mistakes of one file are told.
const maxErrors = 20

// sorted returns the mistakes in the order of their positions, cut after
// maxErrors with a last entry that counts the rest.
func (es Errors) sorted() Errors {
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if rest := len(es) - maxErrors; rest > 1 {
		last := *es[maxErrors]
		last.Message = fmt.Sprintf("and %d more mistakes from here on", rest)
		last.Err = nil
		es = append(es[:maxErrors:maxErrors], &last)
	}
	return es
}
