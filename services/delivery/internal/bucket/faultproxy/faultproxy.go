// Package faultproxy stands between delivery and an S3 server on a bad day: it loses answers, cuts them short, or says
// what S3 says when it is overloaded, refuses or has failed half-way. What it lets through it does not change. Start at
// Start and Proxy.Inject.
package faultproxy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
)

// Always is how often a fault comes that does not pass.
const Always = -1

// Call is one operation of S3, by the name that S3 gives it; Any is all of them.
type Call string

// The calls that faults are injected into.
const (
	Any                     Call = ""
	CreateMultipartUpload   Call = "CreateMultipartUpload"
	UploadPart              Call = "UploadPart"
	CompleteMultipartUpload Call = "CompleteMultipartUpload"
	AbortMultipartUpload    Call = "AbortMultipartUpload"
	ListMultipartUploads    Call = "ListMultipartUploads"
	PutObject               Call = "PutObject"
	GetObject               Call = "GetObject"
	HeadObject              Call = "HeadObject"
	DeleteObject            Call = "DeleteObject"
)

// Proxy serves at URL until the test ends.
type Proxy struct {
	URL string

	target    *url.URL
	transport *http.Transport
	mu        sync.Mutex
	injected  []injection
	met       int
}

type injection struct {
	call   Call
	suffix string
	left   int
	fault  Fault
}

// Start stands before the server at this endpoint.
func Start(t testing.TB, endpoint string) *Proxy {
	t.Helper()
	target, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: target, transport: &http.Transport{DisableCompression: true}}
	server := httptest.NewServer(p)
	t.Cleanup(func() {
		server.Close()
		p.transport.CloseIdleConnections()
	})
	p.URL = server.URL
	return p
}

// Inject has the next calls of a kind, on keys with this end, meet a fault: so many of them, or Always.
func (p *Proxy) Inject(call Call, suffix string, times int, f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.injected = append(p.injected, injection{call, suffix, times, f})
}

// Clear ends the bad day.
func (p *Proxy) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.injected = nil
}

// Met says how many calls have met a fault.
func (p *Proxy) Met() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.met
}

// ServeHTTP passes a request on, or has it meet a fault.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f := p.next(r); f != nil {
		f(w, r, p.pass)
		return
	}
	answer, err := p.pass(r)
	if err != nil {
		panic(http.ErrAbortHandler) // whoever asked is gone, or the server is
	}
	answer.write(w, answer.body)
}

func (p *Proxy) next(r *http.Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.injected {
		if in := &p.injected[i]; in.left != 0 && in.takes(r) {
			in.left--
			p.met++
			return in.fault
		}
	}
	return nil
}
