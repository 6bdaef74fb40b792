package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/peregrine-http/peregrine/engine/native"
)

// formMemory is how much of a form is kept in memory, in bytes; files that do not fit go to the disk, until the handler
// returns.
const formMemory = 256 << 10

type receipt struct {
	Title  string `json:"title"`
	File   string `json:"file"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// upload takes the page's form.
func upload(w *native.Response, r *native.Request) error {
	form, err := r.MultipartForm(formMemory)
	if err != nil {
		return err
	}
	file := form.File("file")
	if file == nil {
		return native.Errorf(400, "want a file")
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, file.Open()); err != nil {
		return err
	}
	return w.JSON(201, &receipt{
		Title: string(form.Value("title")), File: file.FileName, Size: file.Size, SHA256: hex.EncodeToString(sum.Sum(nil)),
	})
}
