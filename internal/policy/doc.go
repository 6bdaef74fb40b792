// Package policy holds the rules that keep the repository readable, as tests: who may import whom, what is documented,
// how long a file is, and that README.md and ARCHITECTURE.md speak of things that exist.
//
// Each rule is text at the top of its test, and each test also judges a made-up repository that breaks the rule.
//
// Invariant: a rule that cannot be seen to fail is not here.
package policy
