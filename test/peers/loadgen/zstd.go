package main

import (
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/grpc/encoding"
)

// zstdCompressor is gRPC's compressor of that name.
type zstdCompressor struct{ readers sync.Pool }

func init() { encoding.RegisterCompressor(&zstdCompressor{}) }

func (*zstdCompressor) Name() string { return "zstd" }

func (*zstdCompressor) Compress(w io.Writer) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
}

func (c *zstdCompressor) Decompress(r io.Reader) (io.Reader, error) {
	if z, ok := c.readers.Get().(*pooled); ok {
		return z, z.Reset(r)
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return &pooled{z, &c.readers}, nil
}

// pooled goes back to its pool at the end of its message.
type pooled struct {
	*zstd.Decoder
	pool *sync.Pool
}

func (p *pooled) Read(b []byte) (int, error) {
	n, err := p.Decoder.Read(b)
	if err == io.EOF {
		p.pool.Put(p)
	}
	return n, err
}
