package radix_test

import (
	"fmt"

	"github.com/peregrine-http/peregrine/radix"
)

func Example() {
	var tree radix.Tree[string]
	for _, pattern := range []string{"GET /users/{id}", "GET /users/me", "/files/{path...}", "POST /users"} {
		if err := tree.Add(pattern, "the value of "+pattern); err != nil {
			fmt.Println(err)
		}
	}

	var m radix.Match // for all lookups of one goroutine
	value, outcome := tree.Lookup(&m, []byte("GET"), []byte("example.com"), []byte("/users/a%2Fb"))
	id, _ := m.Param("id")
	fmt.Printf("%v, %s, id=%s\n", outcome, value, id)

	_, outcome = tree.Lookup(&m, []byte("GET"), []byte("example.com"), []byte("/users"))
	fmt.Printf("%v, allowed are %v\n", outcome, tree.Methods(&m, []byte("example.com"), []byte("/users"), nil))

	_, outcome = tree.Lookup(&m, []byte("GET"), []byte("example.com"), []byte("/files"))
	fmt.Printf("%v, to what matches %s\n", outcome, m.Pattern())
	// Output:
	// found, the value of GET /users/{id}, id=a/b
	// method not allowed, allowed are [POST]
	// redirect, to what matches /files/{path...}
}

func ExampleTree_Add() {
	var tree radix.Tree[int]
	for i, pattern := range []string{"/posts/{id}", "/{kind}/latest", "GET /{x"} {
		if err := tree.Add(pattern, i); err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// pattern "/{kind}/latest" conflicts with pattern "/posts/{id}": neither is more specific: each matches paths that the other does not; both match /posts/latest
	// pattern "GET /{x", offset 5: a wildcard is a whole segment
}

func ExampleCleanPath() {
	cleaned, changed := radix.CleanPath(nil, []byte("//a/../b/"))
	fmt.Println(string(cleaned), changed)
	// Output: /b/ true
}
