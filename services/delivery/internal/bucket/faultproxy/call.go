package faultproxy

import (
	"bytes"
	"io"
	"net/http"
	"strings"
)

func (in injection) takes(r *http.Request) bool {
	return (in.call == Any || in.call == callOf(r)) && strings.HasSuffix(r.URL.Path, in.suffix)
}

// callOf names the operation of a request.
func callOf(r *http.Request) Call {
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		return CreateMultipartUpload
	case r.Method == http.MethodPost && query.Has("uploadId"):
		return CompleteMultipartUpload
	case r.Method == http.MethodPut && query.Has("uploadId"):
		return UploadPart
	case r.Method == http.MethodPut:
		return PutObject
	case r.Method == http.MethodDelete && query.Has("uploadId"):
		return AbortMultipartUpload
	case r.Method == http.MethodDelete:
		return DeleteObject
	case r.Method == http.MethodHead:
		return HeadObject
	case query.Has("uploads"):
		return ListMultipartUploads
	default:
		return GetObject
	}
}

// answer is what the server said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// pass asks the server. The request stays as it was signed.
func (p *Proxy) pass(r *http.Request) (*answer, error) {
	out := r.Clone(r.Context())
	out.URL.Scheme, out.URL.Host, out.RequestURI = p.target.Scheme, p.target.Host, ""
	in, err := p.transport.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Body.Close() }()
	var body bytes.Buffer
	if _, err := io.Copy(&body, in.Body); err != nil {
		return nil, err
	}
	return &answer{in.StatusCode, in.Header, body.Bytes()}, nil
}

// write answers with this much of the body, whatever length was announced.
func (a *answer) write(w http.ResponseWriter, body []byte) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}
