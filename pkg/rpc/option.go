package rpc

import "google.golang.org/grpc"

// Option changes what a server does with every call.
type Option func(*edge)

// RefuseUnknownFields makes a server refuse requests with fields that it does not know, for services that people call: a
// setting that is dropped in silence is worse than one that is refused. It is off by default, because services of two
// versions must understand each other while one is replaced.
func RefuseUnknownFields() Option { return func(e *edge) { e.strict = true } }

// Around has i see every unary call that could be decoded, from before it is checked: also one that is refused for its
// shape, or panics. Errors are faults still.
func Around(i grpc.UnaryServerInterceptor) Option { return func(e *edge) { e.around = i } }

// Inside has i see the unary calls that were found valid.
func Inside(i grpc.UnaryServerInterceptor) Option { return func(e *edge) { e.inside = i } }
