// Package long is for tests that do the same many times: how often is less in
// `make test`, which is run with each change, and more in `make long`.
package long

import "os"

// Variable asks for the long form when it is not empty.
const Variable = "PATOGGLE_LONG"

// Asked tells whether the long form is asked for.
func Asked() bool { return os.Getenv(Variable) != "" }

// Count is the first number, and the second when the long form is asked for.
func Count(usual, all int) int {
	if Asked() {
		return all
	}
	return usual
}
