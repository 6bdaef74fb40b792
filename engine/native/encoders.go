package native

import (
	"bytes"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/peregrine-http/peregrine/constcache"
)

// encoders make the codings of constant answers, as small as they get, since it is done once. The client's weights
// decide between them; of equal ones the first wins.
var encoders = []constcache.Encoder{{Name: "zstd", Encode: encodeZstd}, {Name: "gzip", Encode: encodeGzip}}

func encodeGzip(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w.Write(body)
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func encodeZstd(body []byte) ([]byte, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return e.EncodeAll(body, nil), nil
}
