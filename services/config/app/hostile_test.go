package app_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/customer-exports/exports/pkg/bus"
	"github.com/customer-exports/exports/pkg/bus/bustest"
	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/config/internal/store"
)

// hostile is put into every text field of every request.
var hostile = map[string]string{
	"SQL":             "x'; DROP TABLE FACT_REVIEWS; --",
	"always true":     "' OR '1'='1",
	"path":            "../../etc/passwd",
	"absolute path":   "/analytics-export//x",
	"subject":         "export.>",
	"wildcard":        "*",
	"template":        "{{.Secret}}${HOME}%s",
	"NUL":             "acme\x00daily",
	"newline":         "acme\ndaily",
	"escape":          "\x1b[31mred",
	"right to left":   "acme\u202edaily",
	"zero width":      "ac\u200bme",
	"decomposed":      "Cafe\u0301",
	"homograph":       "\u0430cme-daily", // a Cyrillic a
	"emoji":           "\U0001F355\u200d\U0001F525",
	"line separator":  "a\u2028b",
	"byte order mark": "\ufeffacme",
	"long":            strings.Repeat("x", 5000),
	"spaces":          "   ",
}

// prose is hostile text that is harmless in a reason, which is shown and never interpreted.
var prose = []string{"SQL", "always true", "path", "absolute path", "subject", "wildcard", "template", "right to left", "zero width", "homograph", "emoji", "line separator", "byte order mark"}

// requests is one valid request of every method, by its input's name.
func requests(etag, customerEtag string) map[string]proto.Message {
	const export, customerID = "acme-daily", "acme"
	all := []proto.Message{
		customer("bella"), &configv1.GetCustomerRequest{CustomerId: customerID}, &configv1.ListCustomersRequest{},
		&configv1.UpdateCustomerRequest{CustomerId: customerID, DisplayName: "Acme", Etag: customerEtag, Author: author, Reason: "r"},
		&configv1.ArchiveCustomerRequest{CustomerId: customerID, Etag: customerEtag, Author: author, Reason: "r"},
		&configv1.CreateExportRequest{ExportId: "acme-two", CustomerId: customerID, Spec: spec(customerID), Author: author, Reason: "r"},
		&configv1.UpdateExportRequest{ExportId: export, Spec: spec(customerID), Etag: etag, Author: author, Reason: "r"},
		&configv1.PauseExportRequest{ExportId: export, Etag: etag, Author: author, Reason: "r"},
		&configv1.ResumeExportRequest{ExportId: export, Etag: etag, Author: author, Reason: "r"},
		&configv1.ArchiveExportRequest{ExportId: export, Etag: etag, Author: author, Reason: "r"},
		&configv1.ApplyExportRequest{Yaml: "export_id: acme-daily", Author: author, Reason: "r"},
		&configv1.ExportAsYamlRequest{ExportId: export}, &configv1.GetExportRequest{ExportId: export}, &configv1.ListExportsRequest{},
		&configv1.GetRevisionRequest{ExportId: export, Revision: 1},
		&configv1.ListRevisionsRequest{ExportId: export}, &configv1.DiffRevisionsRequest{ExportId: export, FromRevision: 1, ToRevision: 1},
		&configv1.PreflightDestinationRequest{ExportId: export, Author: author, Reason: "r"},
		&configv1.ApproveRevisionRequest{ExportId: export, Revision: 1, Approver: second, Reason: "r"},
		&configv1.RejectRevisionRequest{ExportId: export, Revision: 1, Approver: second, Reason: "r"},
		&configv1.GetDataContractRequest{ExportId: export}, &configv1.ListTablesRequest{}, &configv1.GetTableRequest{Table: "DIM_DATES"}, &configv1.CheckDictionaryRequest{},
		&configv1.ListAuditEventsRequest{}, &configv1.VerifyAuditChainRequest{},
	}
	byName := map[string]proto.Message{}
	for _, m := range all {
		byName[string(m.ProtoReflect().Descriptor().Name())] = m
	}
	return byName
}

// methods lists every method that the config service answers.
func methods(t *testing.T) []protoreflect.MethodDescriptor {
	t.Helper()
	var all []protoreflect.MethodDescriptor
	for _, file := range []protoreflect.FileDescriptor{
		configv1.File_exports_config_v1_config_service_proto, configv1.File_exports_config_v1_revision_service_proto,
		configv1.File_exports_config_v1_dictionary_service_proto, configv1.File_exports_config_v1_contract_service_proto,
		configv1.File_exports_config_v1_audit_service_proto,
	} {
		for i := range file.Services().Len() {
			for j := range file.Services().Get(i).Methods().Len() {
				all = append(all, file.Services().Get(i).Methods().Get(j))
			}
		}
	}
	return all
}

// TestHostileText tries every text in every text field of every method: each is refused with its violations, and nothing
// that was stored before is different afterwards.
func TestHostileText(t *testing.T) {
	url := bustest.Start(t)
	c := start(t, url)
	e := c.onboard(t)
	owner, err := c.GetCustomer(t.Context(), &configv1.GetCustomerRequest{CustomerId: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	valid := requests(e.GetEtag(), owner.GetCustomer().GetEtag())
	before := stored(t, url)
	tried := 0
	for _, method := range methods(t) {
		base := valid[string(method.Input().Name())]
		if base == nil {
			t.Errorf("%s has no valid request to start from: add one", method.FullName())
			continue
		}
		for _, path := range textFields(method.Input(), nil) {
			for name, text := range hostile {
				if path[len(path)-1].Name() == "reason" && slices.Contains(prose, name) {
					continue
				}
				q := proto.CloneOf(base)
				put(q.ProtoReflect(), path, text)
				c.mustRefuse(t, method, q, fmt.Sprintf("%s with %s in %s", method.Name(), name, spell(path)))
				tried++
			}
		}
	}
	if diff := cmp.Diff(before, stored(t, url)); diff != "" {
		t.Errorf("what is stored changed (-before +after):\n%s", diff)
	}
	t.Logf("%d requests were refused", tried)
}

// mustRefuse wants INVALID_ARGUMENT with at least one violation.
func (c clients) mustRefuse(t *testing.T, method protoreflect.MethodDescriptor, q proto.Message, what string) {
	t.Helper()
	path := fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
	err := c.conn.Invoke(t.Context(), path, q, dynamicpb.NewMessage(method.Output()))
	refused, ok := fault.Of(err)
	if !ok || refused.Kind != fault.Invalid || len(refused.Violations) == 0 {
		t.Errorf("%s = %v, want violations", what, err)
	}
}

// textFields lists the paths of all text fields of a message, those in lists and nested messages too.
func textFields(m protoreflect.MessageDescriptor, above []protoreflect.FieldDescriptor) [][]protoreflect.FieldDescriptor {
	var paths [][]protoreflect.FieldDescriptor
	for i := range m.Fields().Len() {
		field := m.Fields().Get(i)
		path := append(slices.Clone(above), field)
		switch {
		case field.Kind() == protoreflect.StringKind:
			paths = append(paths, path)
		case field.Kind() == protoreflect.MessageKind && !strings.HasPrefix(string(field.Message().FullName()), "google.protobuf.") ||
			field.Message() != nil && field.Message().FullName() == (&fieldmaskpb.FieldMask{}).ProtoReflect().Descriptor().FullName():
			paths = append(paths, textFields(field.Message(), path)...)
		}
	}
	return paths
}

// put sets a text field, making what is missing on the way; in a list it is the first item.
func put(m protoreflect.Message, path []protoreflect.FieldDescriptor, text string) {
	field, value := path[0], protoreflect.ValueOfString(text)
	switch {
	case len(path) == 1 && field.IsList():
		list := m.NewField(field).List()
		list.Append(value)
		m.Set(field, protoreflect.ValueOfList(list))
	case len(path) == 1:
		m.Set(field, value)
	case field.IsList():
		list := m.Mutable(field).List()
		if list.Len() == 0 {
			list.AppendMutable()
		}
		put(list.Get(0).Message(), path[1:], text)
	default:
		put(m.Mutable(field).Message(), path[1:], text)
	}
}

func spell(path []protoreflect.FieldDescriptor) string {
	names := make([]string, len(path))
	for i, field := range path {
		names[i] = string(field.Name())
	}
	return strings.Join(names, ".")
}

// stored is every key of CONFIG with its value.
func stored(t *testing.T, url string) map[string]string {
	t.Helper()
	b, err := bus.Connect(t.Context(), bus.Config{URL: url}, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	kv, err := b.EnsureBucket(t.Context(), store.Bucket)
	if err != nil {
		t.Fatal(err)
	}
	return entries(t.Context(), t, kv)
}

func entries(ctx context.Context, t *testing.T, kv jetstream.KeyValue) map[string]string {
	t.Helper()
	keys, err := kv.Keys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, key := range keys {
		entry, err := kv.Get(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		all[key] = string(entry.Value())
	}
	return all
}

func TestOversizedLists(t *testing.T) {
	c := start(t, bustest.Start(t))
	c.onboard(t)
	for name, grow := range map[string]func(*configv1.ExportSpec){
		"brands":    func(s *configv1.ExportSpec) { s.Scope.Brands = many("brand-", 1001) },
		"locations": func(s *configv1.ExportSpec) { s.Scope.LocationIds = many("loc-", 50_001) },
		"shared":    func(s *configv1.ExportSpec) { s.SharedLocationIds = many("loc-", 50_001) },
		"tables": func(s *configv1.ExportSpec) {
			for _, name := range many("T", 201) {
				s.Tables = append(s.Tables, &configv1.TableSelection{Table: name})
			}
		},
	} {
		big := spec("acme")
		grow(big)
		create := &configv1.CreateExportRequest{ExportId: "acme-two", CustomerId: "acme", Spec: big, Author: author, Reason: "r"}
		_, err := c.CreateExport(t.Context(), create)
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("CreateExport with too many %s = %v, want an invalid request", name, err)
		}
		e, err := c.GetExport(t.Context(), &configv1.GetExportRequest{ExportId: "acme-daily"})
		if err != nil {
			t.Fatal(err)
		}
		update := &configv1.UpdateExportRequest{ExportId: "acme-daily", Spec: big, Etag: e.GetExport().GetEtag(), Author: author, Reason: "r"}
		if _, err := c.UpdateExport(t.Context(), update); fault.KindOf(err) != fault.Invalid {
			t.Errorf("UpdateExport with too many %s = %v, want an invalid request", name, err)
		}
	}
}

func many(prefix string, n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint(prefix, i)
	}
	return all
}

// TestUnknownFields adds a field that no contract has to every request, at the top and inside a message.
func TestUnknownFields(t *testing.T) {
	c := start(t, bustest.Start(t))
	e := c.onboard(t)
	unknown := protowire.AppendTag(nil, 9999, protowire.BytesType)
	unknown = protowire.AppendString(unknown, "surprise")
	valid := requests(e.GetEtag(), "1")
	for _, method := range methods(t) {
		q := proto.CloneOf(valid[string(method.Input().Name())])
		q.ProtoReflect().SetUnknown(unknown)
		c.mustRefuse(t, method, q, "an unknown field in "+string(method.Name()))
	}
	inside := &configv1.CreateExportRequest{ExportId: "acme-two", CustomerId: "acme", Spec: spec("acme"), Author: author, Reason: "r"}
	inside.Spec.Destination.ProtoReflect().SetUnknown(unknown)
	_, err := c.CreateExport(t.Context(), inside)
	refused, _ := fault.Of(err)
	if refused == nil || len(refused.Violations) != 1 || refused.Violations[0].Field != "spec.destination" {
		t.Errorf("an unknown field in the destination = %v, want a violation there", err)
	}
	if names := slices.Collect(maps.Keys(valid)); len(names) != len(methods(t)) {
		t.Errorf("%d valid requests for %d methods", len(names), len(methods(t)))
	}
}
