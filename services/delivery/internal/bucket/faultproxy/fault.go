package faultproxy

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Fault is what a call meets.
type Fault func(w http.ResponseWriter, r *http.Request, pass func(*http.Request) (*answer, error))

// Lost has the server do what it was asked, and cuts the line before its answer.
func Lost(_ http.ResponseWriter, r *http.Request, pass func(*http.Request) (*answer, error)) {
	_, _ = pass(r)
	panic(http.ErrAbortHandler)
}

// Refused answers with an error of S3's instead of asking the server.
func Refused(status int, code string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ func(*http.Request) (*answer, error)) {
		refuse(w, r, status, code)
	}
}

// DoneButRefused has the server do what it was asked, and answers with an error of S3's nonetheless.
func DoneButRefused(status int, code string) Fault {
	return func(w http.ResponseWriter, r *http.Request, pass func(*http.Request) (*answer, error)) {
		_, _ = pass(r)
		refuse(w, r, status, code)
	}
}

// Skewed refuses a call because of its time; the server's own clock is ahead by so much.
func Skewed(ahead time.Duration) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ func(*http.Request) (*answer, error)) {
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		refuse(w, r, http.StatusForbidden, "RequestTimeTooSkewed")
	}
}

// Cut announces the whole answer, gives half of it and cuts the line.
func Cut(w http.ResponseWriter, r *http.Request, pass func(*http.Request) (*answer, error)) {
	if a, err := pass(r); err == nil {
		a.write(w, a.body[:len(a.body)/2])
		if flusher, ok := w.(http.Flusher); ok {
			flusher.Flush()
		}
	}
	panic(http.ErrAbortHandler)
}

// Shortened gives half of an answer as if it were the whole.
func Shortened(w http.ResponseWriter, r *http.Request, pass func(*http.Request) (*answer, error)) {
	a, err := pass(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	half := a.body[:len(a.body)/2]
	a.header.Set("Content-Length", strconv.Itoa(len(half)))
	a.write(w, half)
}

// Empty answers 200 without a body, and does not ask the server.
func Empty(w http.ResponseWriter, _ *http.Request, _ func(*http.Request) (*answer, error)) {
	w.WriteHeader(http.StatusOK)
}

func refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>a bad day</Message><RequestId>1</RequestId></Error>`, code)
	}
}
