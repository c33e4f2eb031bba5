// Package once makes a repeated request harmless: the same request id with the same request is answered with the first
// answer, with another request it is refused. It remembers only what was carried out; a refused request may be mended and
// sent again. Start at Once.Do.
package once

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/customer-exports/exports/pkg/fault"
)

const (
	// abandonedAfter is how long a request may be under way before a repetition takes over: longer than any call.
	abandonedAfter = time.Minute
	// settleTime bounds remembering the answer.
	settleTime = 5 * time.Second
)

// Entry is what is remembered of one request id.
type Entry struct {
	// Method and Digest identify the request.
	Method string `json:"method"`
	Digest string `json:"digest"`
	// Holder is a random name of whoever carries it out, since Begin.
	Holder string    `json:"holder"`
	Begin  time.Time `json:"begin"`
	// Answered says that Answer, a google.protobuf.Any, is the first answer.
	Answered bool   `json:"answered"`
	Answer   []byte `json:"-"`
}

// Memory keeps entries for a day.
type Memory interface {
	// Claim stores e under a free id, or returns the entry that is there. The version changes with each write.
	Claim(ctx context.Context, id string, e Entry) (held Entry, version string, err error)
	// Replace stores e if the version is still the one given, and returns the next; otherwise State STALE_ETAG.
	Replace(ctx context.Context, id, version string, e Entry) (next string, err error)
	// Forget makes the id free again.
	Forget(ctx context.Context, id string) error
}

// Once carries out each request once.
type Once struct {
	Memory Memory
	Now    func() time.Time
}

// Do carries out the request, unless it was before. Replayed says that the answer is an earlier one.
func (o *Once) Do(ctx context.Context, id, method string, request proto.Message, do func(context.Context) (proto.Message, error)) (answer proto.Message, replayed bool, err error) {
	mine, err := o.entry(method, request)
	if err != nil {
		return nil, false, err
	}
	held, version, err := o.Memory.Claim(ctx, id, mine)
	if err != nil {
		return nil, false, err
	}
	if held.Holder != mine.Holder {
		if answer, err := o.repeat(id, held, mine); answer != nil || err != nil {
			return answer, true, err
		}
		if version, err = o.Memory.Replace(ctx, id, version, mine); err != nil {
			return nil, false, underWay(id)
		}
	}
	if answer, err = do(ctx); err != nil {
		o.forget(ctx, id)
		return nil, false, err
	}
	return answer, false, o.remember(ctx, id, version, mine, answer)
}

func (o *Once) entry(method string, request proto.Message) (Entry, error) {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(request)
	if err != nil {
		return Entry{}, fmt.Errorf("encoding a request of %s: %w", method, err)
	}
	sum := sha256.Sum256(data)
	return Entry{Method: method, Digest: hex.EncodeToString(sum[:]), Holder: rand.Text(), Begin: o.Now()}, nil
}

// repeat returns the first answer, a refusal, or neither when whoever held the request has gone.
func (o *Once) repeat(id string, held, mine Entry) (proto.Message, error) {
	switch {
	case held.Method != mine.Method || held.Digest != mine.Digest:
		err := fault.New(fault.Invalid, fault.ReasonRequestIDReused, "request id %s belongs to another request", id)
		err.Violations = []fault.Violation{{Field: "request_id", Description: "was used for another request within a day: choose a new one"}}
		return nil, err
	case held.Answered:
		wrapped := &anypb.Any{}
		if err := proto.Unmarshal(held.Answer, wrapped); err != nil {
			return nil, fmt.Errorf("decoding the answer to request %s: %w", id, err)
		}
		return wrapped.UnmarshalNew()
	case o.Now().Sub(held.Begin) < abandonedAfter:
		return nil, underWay(id)
	default:
		return nil, nil
	}
}

func underWay(id string) error {
	return fault.New(fault.Unavailable, fault.ReasonUnavailable, "request %s is being carried out: ask again in a moment", id)
}

// forget lets a request that failed be mended and sent again. Both are detached: a caller who has gone will ask again.
func (o *Once) forget(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	_ = o.Memory.Forget(ctx, id) // else it is taken over after a minute
}

// remember keeps an answer. When it cannot, the caller still gets it, and has no need to ask again.
func (o *Once) remember(ctx context.Context, id, version string, mine Entry, answer proto.Message) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	wrapped, err := anypb.New(answer)
	if err == nil {
		mine.Answer, err = proto.Marshal(wrapped)
	}
	if err != nil {
		return fmt.Errorf("encoding the answer to request %s: %w", id, err)
	}
	mine.Answered = true
	_, _ = o.Memory.Replace(ctx, id, version, mine)
	return nil
}
