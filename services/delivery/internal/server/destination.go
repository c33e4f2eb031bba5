package server

import (
	"context"

	commonv1 "github.com/customer-exports/exports/proto/exports/common/v1"
	deliveryv1 "github.com/customer-exports/exports/proto/exports/delivery/v1"
	"github.com/customer-exports/exports/services/delivery/internal/preflight"
)

// Destinations implements DestinationService.
type Destinations struct {
	deliveryv1.UnimplementedDestinationServiceServer
	Checker *preflight.Checker
}

// CheckDestination tries out the destination of a revision.
func (d *Destinations) CheckDestination(ctx context.Context, q *deliveryv1.CheckDestinationRequest) (*deliveryv1.CheckDestinationResponse, error) {
	checks, err := d.Checker.Check(ctx, q.GetExportId(), q.GetRevision())
	if err != nil {
		return nil, err
	}
	out := &deliveryv1.CheckDestinationResponse{}
	for _, c := range checks {
		out.Checks = append(out.Checks, &commonv1.Check{Name: c.Name, Outcome: outcome(c.Outcome), Message: c.Message, Fix: c.Fix})
	}
	return out, nil
}

func outcome(o preflight.Outcome) commonv1.CheckOutcome {
	switch o {
	case preflight.Passed:
		return commonv1.CheckOutcome_CHECK_OUTCOME_PASSED
	case preflight.Failed:
		return commonv1.CheckOutcome_CHECK_OUTCOME_FAILED
	default:
		return commonv1.CheckOutcome_CHECK_OUTCOME_SKIPPED
	}
}
