module github.com/peregrine-http/peregrine

go 1.26
