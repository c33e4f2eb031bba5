// Package fault owns the one error vocabulary of the house: a small set of kinds, which decide whether to try again, and
// stable reasons, which name what is wrong. It refuses third-party imports and knows neither gRPC nor JetStream: pkg/rpc
// and pkg/bus translate at their edges. Start with New and Retryable.
package fault

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Kind classifies an error by what a caller can do about it.
type Kind string

// The kinds. Only Unavailable, DataLoss, Exhausted and Internal are worth another attempt.
const (
	Invalid     Kind = "INVALID"     // the request is wrong whatever the state: change the request
	NotFound    Kind = "NOT_FOUND"   // the thing does not exist
	Exists      Kind = "EXISTS"      // the thing exists already
	State       Kind = "STATE"       // the state of the system refuses the request: someone must act first
	Unavailable Kind = "UNAVAILABLE" // a peer or source is away: try again later
	DataLoss    Kind = "DATA_LOSS"   // data arrived incomplete or damaged: read it again
	Denied      Kind = "DENIED"      // the caller may not do this
	Exhausted   Kind = "EXHAUSTED"   // a quota or resource is used up: try again later
	Internal    Kind = "INTERNAL"    // a fault of ours, or of unknown origin
)

// Violation is one field that does not hold what it should.
type Violation struct {
	// Field is the path of the field in its request or file, such as scope.brands.
	Field string
	// Description says what is wrong with it, in one line.
	Description string
}

// Error is an error that a caller can classify. Message is one line for a person and never holds rows or credentials.
type Error struct {
	Kind       Kind
	Reason     Reason
	Message    string
	Violations []Violation
	// Err is the cause; it stays in the process and never crosses the wire.
	Err error
}

// New returns an error without a cause.
func New(k Kind, r Reason, format string, args ...any) *Error {
	return &Error{Kind: k, Reason: r, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an error caused by err, which must not be nil; the format says what was being done.
func Wrap(err error, k Kind, r Reason, format string, args ...any) *Error {
	return &Error{Kind: k, Reason: r, Message: fmt.Sprintf(format, args...), Err: err}
}

// Error returns the message, then the field violations, then the cause.
func (e *Error) Error() string {
	s := e.Message
	if len(e.Violations) > 0 {
		s += " (" + e.violations() + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause, or nil.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) violations() string {
	parts := make([]string, len(e.Violations))
	for i, v := range e.Violations {
		parts[i] = v.Field + ": " + v.Description
	}
	return strings.Join(parts, "; ")
}

// Of returns the outermost Error in err's chain.
func Of(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// KindOf classifies any error: "" for nil, Unavailable for an ended context, Internal for an error without a kind.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := Of(err); ok {
		return e.Kind
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Unavailable
	}
	return Internal
}

// ReasonOf returns the reason of err: "" for nil, that of an ended context, ReasonInternal for any other without one.
func ReasonOf(err error) Reason {
	if err == nil {
		return ""
	}
	if e, ok := Of(err); ok && e.Reason != "" {
		return e.Reason
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return ReasonDeadline
	case errors.Is(err, context.Canceled):
		return ReasonCanceled
	default:
		return ReasonInternal
	}
}

// Retryable reports whether another attempt can succeed without anybody acting first. An error of unknown kind is worth
// another attempt: attempts are bounded, and giving up is final. A nil error is not retryable.
func Retryable(err error) bool {
	switch KindOf(err) {
	case "", Invalid, State, Denied, NotFound, Exists:
		return false
	default:
		return true
	}
}
