package rpc

import (
	"context"
	"fmt"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	protocodec "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/customer-exports/exports/pkg/fault"
)

// maxNesting ends the walk through bytes that a caller nests without end.
const maxNesting = 100

// frame is a message to decode into, and what was wrong with the bytes. gRPC answers Internal for every error of a codec;
// the edge answers for what a frame brings instead.
type frame struct {
	message any
	err     error
}

// codec decodes into frames and passes bulk through; other messages are left to gRPC's own.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(protocodec.Name)} }

// Marshal spends bulk.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if bulk, ok := v.(*Bulk); ok {
		return bulk.spend(), nil
	}
	return c.CodecV2.Marshal(v)
}

// Unmarshal succeeds for a frame, which then says how it went.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return c.CodecV2.Unmarshal(data, v)
	}
	if bulk, ok := f.message.(*Bulk); ok {
		bulk.fill(data)
		return nil
	}
	if err := c.CodecV2.Unmarshal(data, f.message); err != nil {
		f.err = undecodable(err, data.Materialize(), f.message)
	}
	return nil
}

// receive reads one message by way of a frame.
func receive(read func(any) error, message any) error {
	f := &frame{message: message}
	if err := read(f); err != nil {
		return err
	}
	return f.err
}

// registrar makes unary methods read by way of a frame, which interceptors come too late for.
type registrar struct {
	grpc *grpc.Server
	at   edge
}

// RegisterService registers a copy of the description.
func (r registrar) RegisterService(desc *grpc.ServiceDesc, impl any) {
	framed := *desc
	framed.Methods = make([]grpc.MethodDesc, len(desc.Methods))
	for i, method := range desc.Methods {
		framed.Methods[i] = grpc.MethodDesc{MethodName: method.MethodName, Handler: r.framed("/"+desc.ServiceName+"/"+method.MethodName, method.Handler)}
	}
	r.grpc.RegisterService(&framed, impl)
}

func (r registrar) framed(name string, handle grpc.MethodHandler) grpc.MethodHandler {
	return func(srv any, ctx context.Context, read func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		return handle(srv, ctx, func(message any) error {
			err := receive(read, message)
			if _, ours := fault.Of(err); ours {
				return r.at.answer(ctx, name, err)
			}
			return err // gRPC's own, about the connection
		}, intercept)
	}
}

func undecodable(err error, data []byte, message any) error {
	f := fault.Wrap(err, fault.Invalid, fault.ReasonValidation, "the request cannot be decoded")
	if m, ok := message.(proto.Message); ok {
		f.Violations = badText("", data, m.ProtoReflect().Descriptor(), maxNesting)
	}
	if len(f.Violations) == 0 {
		f.Violations = []fault.Violation{{Field: whole, Description: "is not a message of this method"}}
	}
	return f
}

// badText finds strings that are not UTF-8, as far as the bytes can be read.
func badText(path string, data []byte, m protoreflect.MessageDescriptor, depth int) (found []fault.Violation) {
	items := map[protowire.Number]int{}
	for depth > 0 && len(data) > 0 {
		number, wire, tag := protowire.ConsumeTag(data)
		if tag < 0 {
			break
		}
		size := protowire.ConsumeFieldValue(number, wire, data[tag:])
		if size < 0 {
			break
		}
		if field := m.Fields().ByNumber(number); field != nil && wire == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(data[tag:])
			at := place(path, field, items[number])
			items[number]++
			switch {
			case field.Kind() == protoreflect.StringKind && !utf8.Valid(value):
				found = append(found, fault.Violation{Field: at, Description: "is not valid UTF-8"})
			case field.Kind() == protoreflect.MessageKind:
				found = append(found, badText(at, value, field.Message(), depth-1)...)
			}
		}
		data = data[tag+size:]
	}
	return found
}

// place is the path of a field, or of one item of a list.
func place(path string, field protoreflect.FieldDescriptor, item int) string {
	if path != "" {
		path += "."
	}
	path += string(field.Name())
	if field.Cardinality() == protoreflect.Repeated {
		path += fmt.Sprintf("[%d]", item)
	}
	return path
}
