# Each target but bench is a step of .ci/run, which runs them all: what fails there can be repeated here alone.

.PHONY: all test race fuzz-smoke bench vet-other lint
.DEFAULT_GOAL := test

all:
	.ci/run

test:
	.ci/run format vet test

race:
	.ci/run race

fuzz-smoke:
	.ci/run simulate fuzz selftest

bench:
	go run ./cmd/bench

vet-other:
	.ci/run vet-other

lint:
	.ci/run format vet vet-other lint
