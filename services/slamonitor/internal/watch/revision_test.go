package watch

import (
	"context"
	"testing"

	"google.golang.org/grpc"

	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
	"github.com/customer-exports/exports/services/slamonitor/internal/sla"
)

// memConfigs keeps revisions of one export; whatever else it is asked panics.
type memConfigs struct {
	configv1.ConfigServiceClient
	revisions map[int64]*configv1.Revision
}

func (m memConfigs) GetRevision(_ context.Context, q *configv1.GetRevisionRequest, _ ...grpc.CallOption) (*configv1.GetRevisionResponse, error) {
	return &configv1.GetRevisionResponse{Revision: m.revisions[q.GetRevision()]}, nil
}

func TestADropIsHeldToTheRevisionThatMakesIt(t *testing.T) {
	revision := func(number int64, digest string) *configv1.Revision {
		return &configv1.Revision{Revision: number, ScopeDigest: digest}
	}
	w := &Watcher{Configs: memConfigs{revisions: map[int64]*configv1.Revision{1: revision(1, "old")}}}
	e := &configv1.Export{ExportId: "acme-daily", Revision: revision(2, "new")}
	for number, want := range map[int64]string{1: "old", 2: "new"} {
		got, err := w.revision(t.Context(), e, number)
		if err != nil {
			t.Fatal(err)
		}
		if p := promiseOf(got, sla.Expectation{CustomerID: "acme", ExportID: "acme-daily"}); p.ScopeDigest != want || p.CustomerID != "acme" {
			t.Errorf("by revision %d the promise is %+v, want scope %s", number, p, want)
		}
	}
}
