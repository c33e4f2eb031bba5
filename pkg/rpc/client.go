package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/customer-exports/exports/pkg/obs"
)

// Dial returns a connection to target (host:port or a gRPC name), which is made on the first call. Calls return
// *fault.Error with the peer's kind, reason and message. The caller closes it, and gives every call a deadline. The
// connection is not encrypted: it is for loopback, or a mesh that encrypts.
func Dial(target string, tel *obs.Telemetry, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient(target, append(dialOptions(tel), opts...)...)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to %s: %w", target, err)
	}
	return conn, nil
}

func dialOptions(tel *obs.Telemetry) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler(traced(tel)...)),
		grpc.WithChainUnaryInterceptor(clientUnary),
		grpc.WithChainStreamInterceptor(clientStream),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage), grpc.ForceCodecV2(newCodec())),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: 10 * time.Second}),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
	}
}

func clientUnary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	if err := invoke(ctx, method, req, reply, cc, opts...); err != nil {
		return fromStatus(ctx, method, err)
	}
	return nil
}

func clientStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s, err := open(ctx, desc, cc, method, opts...)
	if err != nil {
		return nil, fromStatus(ctx, method, err)
	}
	return &faultStream{ClientStream: s, method: method}, nil
}

// faultStream translates what a stream returns. io.EOF stays: it is the end, and on a send it says that RecvMsg knows why.
type faultStream struct {
	grpc.ClientStream
	method string
}

// SendMsg sends one message.
func (s *faultStream) SendMsg(m any) error { return s.translate(s.ClientStream.SendMsg(m)) }

// RecvMsg receives one message.
func (s *faultStream) RecvMsg(m any) error { return s.translate(s.ClientStream.RecvMsg(m)) }

// CloseSend ends the sending side.
func (s *faultStream) CloseSend() error { return s.translate(s.ClientStream.CloseSend()) }

func (s *faultStream) translate(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return fromStatus(s.Context(), s.method, err)
}
