// Package act proves the container image: that it is what GitHub needs of a container action,
// and that act, a workflow engine, runs real workflows with it from start to stop against the
// simulator: small ones, those of the pages for users, and examples/marqo, with tox and docker in
// its jobs.
//
// Its tests need a container engine and stand behind the build tag "real":
//
//	scripts/engine with go test -tags real ./test/act
package act
