// Package ssetest stands between delivery and a store that does not say how objects are encrypted,
// and says it as S3 does: HEAD and GET name algorithm and key that came with the object when it was
// made. It encrypts nothing and changes no request. Start at Start.
package ssetest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
)

const (
	algorithmHeader = "X-Amz-Server-Side-Encryption"
	keyHeader       = "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"
	bucketKeyHeader = "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"
	aclHeader       = "X-Amz-Acl"
	ownerHeader     = "X-Amz-Expected-Bucket-Owner"
)

// Made is what came with an object when it was made.
type Made struct {
	Algorithm, Key, BucketKey, ACL string
}

// Proxy serves at URL until the test ends.
type Proxy struct {
	URL string
	// Unknown is a key that is refused, as KMS does with one that is not there; set it before use.
	Unknown string
	// Instead is the key that every object is said to have; empty means the one that came with it.
	Instead string

	next    *httputil.ReverseProxy
	mu      sync.Mutex
	made    map[string]Made // by path: bucket and key
	unowned []string
}

// Start stands before the store at this endpoint.
func Start(t testing.TB, endpoint string) *Proxy {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{made: map[string]Made{}}
	p.next = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		ModifyResponse: p.echo,
	}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// ServeHTTP remembers what makes an object and what expects no owner, and passes on.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get(ownerHeader) == "" {
		p.mu.Lock()
		p.unowned = append(p.unowned, r.Method+" "+r.URL.String())
		p.mu.Unlock()
	}
	if p.Unknown != "" && r.Header.Get(keyHeader) == p.Unknown {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprint(w, `<Error><Code>KMS.NotFoundException</Code><Message>Invalid keyId</Message></Error>`)
		return
	}
	if makes(r) {
		p.mu.Lock()
		p.made[r.URL.Path] = Made{
			Algorithm: r.Header.Get(algorithmHeader), Key: r.Header.Get(keyHeader), BucketKey: r.Header.Get(bucketKeyHeader), ACL: r.Header.Get(aclHeader),
		}
		p.mu.Unlock()
	}
	p.next.ServeHTTP(w, r)
}

// makes reports whether a request makes an object, or begins its upload; a piece of one does not.
func makes(r *http.Request) bool {
	query := r.URL.Query()
	return r.Method == http.MethodPut && !query.Has("uploadId") || r.Method == http.MethodPost && query.Has("uploads")
}

func (p *Proxy) echo(answer *http.Response) error {
	r := answer.Request
	if answer.StatusCode >= http.StatusMultipleChoices || r.Method != http.MethodHead && r.Method != http.MethodGet {
		return nil
	}
	made, ok := p.Made()[r.URL.Path]
	switch {
	case !ok:
		return nil
	case p.Instead != "":
		made.Algorithm, made.Key = "aws:kms", p.Instead
	case made.Algorithm == "":
		made.Algorithm = "AES256" // what S3 does unasked
	}
	answer.Header.Set(algorithmHeader, made.Algorithm)
	if made.Key != "" {
		answer.Header.Set(keyHeader, made.Key)
	}
	return nil
}

// Unowned returns every request that did not say whose bucket it expects.
func (p *Proxy) Unowned() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.unowned)
}

// Made returns what came with each object, by /bucket/key.
func (p *Proxy) Made() map[string]Made {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make(map[string]Made, len(p.made))
	for path, made := range p.made {
		all[path] = made
	}
	return all
}
