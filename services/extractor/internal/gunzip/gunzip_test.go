package gunzip_test

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"

	"github.com/customer-exports/exports/services/extractor/internal/gunzip"
)

// packed compresses data with the standard library, at its level -2 (Huffman only) to 9.
func packed(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := stdgzip.NewWriterLevel(&out, level)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write(data)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// contents are data of every kind: literals, near and far repetitions, runs, noise, and sizes around the
// buffers' own.
func contents(random *rand.Rand) map[string][]byte {
	noise := func(n, values int) []byte {
		out := make([]byte, n)
		for i := range out {
			out[i] = byte(random.IntN(values))
		}
		return out
	}
	far := noise(33<<10, 256)
	numbers := make([]byte, 0, 400_000)
	for i := range 20_000 {
		numbers = append(numbers, byte(i), byte(i>>8), byte(random.IntN(3)), 0, 0, 0, 0, 0)
	}
	var text strings.Builder
	for text.Len() < 700_000 {
		fmt.Fprintf(&text, "%08x-%d,channel-%d;", random.Uint32(), random.IntN(9), random.IntN(4))
	}
	return map[string][]byte{
		"nothing": {}, "one byte": {7}, "a run": make([]byte, 500_000), "noise": noise(300_000, 256),
		"few values": noise(300_000, 5), "two values": noise(300_000, 2),
		"far": bytes.Repeat(far[:32<<10], 12), "too far": bytes.Repeat(far, 12),
		"numbers": numbers, "text": []byte(text.String()),
		"runs of three": bytes.Repeat([]byte("abc"), 100_000), "period 17": bytes.Repeat(noise(17, 256), 20_000),
		"exactly the output": noise(160<<10, 40), "exactly the history": noise(32<<10, 40),
	}
}

func TestAgreesWithTheStandardLibrary(t *testing.T) {
	for name, data := range contents(rand.New(rand.NewPCG(1, 2))) {
		for level := -2; level <= 9; level++ {
			got, err := io.ReadAll(gunzip.NewReader(bytes.NewReader(packed(t, data, level))))
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s at level %d: %d of %d bytes, %v", name, level, len(got), len(data), err)
			}
		}
	}
}

// TestAnyWayOfReading has the stream come, and be taken, in pieces of every size.
func TestAnyWayOfReading(t *testing.T) {
	data := contents(rand.New(rand.NewPCG(3, 4)))["text"][:100_000]
	for name, slow := range map[string]func(io.Reader) io.Reader{
		"byte by byte": iotest.OneByteReader, "by halves": iotest.HalfReader, "end with the data": iotest.DataErrReader,
	} {
		if err := iotest.TestReader(gunzip.NewReader(slow(bytes.NewReader(packed(t, data, 6)))), data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got, err := io.ReadAll(iotest.OneByteReader(gunzip.NewReader(slow(bytes.NewReader(packed(t, data, 1))))))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s, taken byte by byte: %d of %d bytes, %v", name, len(got), len(data), err)
		}
	}
}

// TestMembers reads streams of several members, and heads with every optional field.
func TestMembers(t *testing.T) {
	var all, want []byte
	for i, data := range contents(rand.New(rand.NewPCG(5, 6))) {
		var out bytes.Buffer
		w := stdgzip.NewWriter(&out)
		w.Name, w.Comment, w.Extra = i, "about "+i, []byte(i)
		_, err := w.Write(data)
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		all, want = append(all, out.Bytes()...), append(want, data...)
	}
	got, err := io.ReadAll(gunzip.NewReader(bytes.NewReader(all)))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d of %d bytes, %v", len(got), len(want), err)
	}
}

// TestARepetitionStaysInItsMember has a second member reach back into the first.
func TestARepetitionStaysInItsMember(t *testing.T) {
	reaching := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 0x63, 0x84, 0x83, 0, 0, 0, 0, 0, 0, 0, 0}
	stream := append(packed(t, make([]byte, 100), 6), reaching...)
	same(t, stream, "a member that reaches back")
}

// same has both unpack a stream that may be damaged: both accept it with equal bytes, or both refuse it.
func same(t *testing.T, stream []byte, what string) {
	t.Helper()
	got, err := io.ReadAll(gunzip.NewReader(bytes.NewReader(stream)))
	var want []byte
	reader, wantErr := stdgzip.NewReader(bytes.NewReader(stream))
	if wantErr == nil {
		want, wantErr = io.ReadAll(reader)
	}
	switch {
	case (err == nil) != (wantErr == nil):
		t.Errorf("%s: got %v, the standard library says %v", what, err, wantErr)
	case err == nil && !bytes.Equal(got, want):
		t.Errorf("%s: other bytes than the standard library's", what)
	case err != nil && !errors.Is(err, gunzip.ErrDamaged) && !errors.Is(err, io.ErrUnexpectedEOF):
		t.Errorf("%s: unnamed error %v", what, err)
	case err != nil && !bytes.HasPrefix(want, got):
		t.Errorf("%s: handed out %d bytes that were never packed so", what, len(got))
	}
}

// TestCutAnywhere cuts a stream at each byte: never a success, and never a byte that was not packed.
func TestCutAnywhere(t *testing.T) {
	data := contents(rand.New(rand.NewPCG(7, 8)))["text"][:20_000]
	for _, level := range []int{0, 1, 9} {
		stream := packed(t, data, level)
		for cut := range stream {
			got, err := io.ReadAll(gunzip.NewReader(bytes.NewReader(stream[:cut])))
			if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.HasPrefix(data, got) {
				t.Fatalf("cut at %d of %d: %d bytes, %v", cut, len(stream), len(got), err)
			}
		}
	}
}

// TestAnyDamage flips bits of a stream.
func TestAnyDamage(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	data := contents(random)
	for _, name := range []string{"text", "numbers", "few values"} {
		for _, level := range []int{-2, 0, 1, 6} {
			stream := packed(t, data[name][:5_000], level)
			for range 1_000 {
				broken := bytes.Clone(stream)
				at := random.IntN(8 * len(broken))
				broken[at/8] ^= 1 << (at % 8)
				same(t, broken, fmt.Sprintf("%s at level %d, bit %d flipped", name, level, at))
			}
		}
	}
}

// TestAnyBlocks unpacks noise behind a sound head, which is every kind of impossible code and block.
func TestAnyBlocks(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	head := []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	for i := range 20_000 {
		stream := bytes.Clone(head)
		for range 1 + random.IntN(300) {
			stream = append(stream, byte(random.Uint32()))
		}
		same(t, stream, fmt.Sprintf("noise %d", i))
	}
}

// TestPassesErrorsOn has the stream itself fail.
func TestPassesErrorsOn(t *testing.T) {
	stream := packed(t, make([]byte, 1_000_000), 1)
	away := errors.New("the peer is away")
	for _, at := range []int{0, 5, 11, len(stream) / 2, len(stream) - 4} {
		source := io.MultiReader(bytes.NewReader(stream[:at]), iotest.ErrReader(away))
		if _, err := io.Copy(io.Discard, gunzip.NewReader(source)); !errors.Is(err, away) {
			t.Errorf("failing after %d bytes gives %v", at, err)
		}
	}
}

// FuzzReader compares with the standard library on any stream.
func FuzzReader(f *testing.F) {
	for _, data := range contents(rand.New(rand.NewPCG(13, 14))) {
		f.Add(packed(f, data[:min(len(data), 2_000)], 6))
	}
	f.Fuzz(func(t *testing.T, stream []byte) { same(t, stream, "fuzzed") })
}

// BenchmarkGunzip compares with both libraries, on data like that of a result chunk.
func BenchmarkGunzip(b *testing.B) {
	data := contents(rand.New(rand.NewPCG(15, 16)))
	chunk := bytes.Repeat(append(data["text"], data["numbers"]...), 8)
	for _, level := range []int{1, 6} {
		stream := packed(b, chunk, level)
		for _, peer := range []struct {
			name string
			make func(io.Reader) (io.Reader, error)
		}{
			{"own", func(r io.Reader) (io.Reader, error) { return gunzip.NewReader(r), nil }},
			{"klauspost", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
			{"standard", func(r io.Reader) (io.Reader, error) { return stdgzip.NewReader(r) }},
		} {
			b.Run(fmt.Sprintf("level%d/%s", level, peer.name), func(b *testing.B) {
				b.SetBytes(int64(len(chunk)))
				for b.Loop() {
					reader, err := peer.make(bytes.NewReader(stream))
					if err != nil {
						b.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, reader); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
