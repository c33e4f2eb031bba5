package plan

import (
	"context"
	"fmt"
	"time"

	"github.com/customer-exports/exports/pkg/fault"
	configv1 "github.com/customer-exports/exports/proto/exports/config/v1"
)

const (
	// callTime bounds one call to the config service.
	callTime = 10 * time.Second
	// exportsPage is how many exports are read at once.
	exportsPage = 100
)

// ConfigService reads exports from the config service. Client returns faults, as pkg/rpc's connections make them.
type ConfigService struct{ Client configv1.ConfigServiceClient }

// List reads all pages.
func (c ConfigService) List(ctx context.Context) ([]*configv1.Export, error) {
	var all []*configv1.Export
	request := &configv1.ListExportsRequest{PageSize: exportsPage}
	for {
		page, err := c.page(ctx, request)
		if err != nil {
			return nil, classify(err, "listing exports")
		}
		all = append(all, page.GetExports()...)
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return all, nil
		}
	}
}

func (c ConfigService) page(ctx context.Context, r *configv1.ListExportsRequest) (*configv1.ListExportsResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return c.Client.ListExports(ctx, r)
}

// Get reads one export.
func (c ConfigService) Get(ctx context.Context, exportID string) (*configv1.Export, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	answer, err := c.Client.GetExport(ctx, &configv1.GetExportRequest{ExportId: exportID})
	if err != nil {
		return nil, classify(err, fmt.Sprintf("reading export %q", exportID))
	}
	return answer.GetExport(), nil
}

// Revision reads one revision.
func (c ConfigService) Revision(ctx context.Context, exportID string, number int64) (*configv1.Revision, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	answer, err := c.Client.GetRevision(ctx, &configv1.GetRevisionRequest{ExportId: exportID, Revision: number})
	if err != nil {
		return nil, classify(err, fmt.Sprintf("reading revision %d of export %q", number, exportID))
	}
	return answer.GetRevision(), nil
}

// classify makes a peer's fault one of ours, which may cross the wire: an export that does not exist is the caller's
// mistake, anything else is the config service's absence.
func classify(err error, doing string) error {
	if fault.KindOf(err) == fault.NotFound {
		return fault.Wrap(err, fault.NotFound, fault.ReasonNotFound, "%s: there is none", doing)
	}
	return fault.Wrap(err, fault.Unavailable, fault.ReasonUnavailable, "%s: the config service does not answer", doing)
}
