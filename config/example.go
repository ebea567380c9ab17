package config

import _ "embed" // for the example file

//go:embed example.toml
var example string

// Example returns the example file. Every key is commented out with "#" and
// no space, and shows its default; prose is commented out with "# ".
func Example() string { return example }
