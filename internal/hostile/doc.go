// Package hostile holds no code, only tests of the built programs against
// servers, displays, files and names that mean no good. What they show stands
// in packaging/RELIABILITY.md.
package hostile
