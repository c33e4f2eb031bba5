// Package server answers SlaService: proto in, store, proto out. It decides
// nothing. Start reading at Server.
package server

import (
	"context"

	"github.com/customer-exports/exports/pkg/fault"
	slav1 "github.com/customer-exports/exports/proto/exports/sla/v1"
	"github.com/customer-exports/exports/services/slamonitor/internal/store"
)

// standardPage is used when a request leaves page_size at zero.
const standardPage = 100

// Verdicts is where judgements are read from.
type Verdicts interface {
	Get(ctx context.Context, exportID, date string) (*slav1.Verdict, error)
	Keys(ctx context.Context) ([]store.Key, error)
}

// Server implements SlaService.
type Server struct {
	slav1.UnimplementedSlaServiceServer
	Verdicts Verdicts
}

// GetVerdict returns the newest judgement of one drop.
func (s *Server) GetVerdict(ctx context.Context, r *slav1.GetVerdictRequest) (*slav1.GetVerdictResponse, error) {
	v, err := s.Verdicts.Get(ctx, r.GetExportId(), r.GetExportDate())
	if err != nil {
		return nil, err
	}
	return &slav1.GetVerdictResponse{Verdict: v}, nil
}

// ListVerdicts returns a page of judgements, newest export date first. The page
// token is the key of the last verdict seen.
func (s *Server) ListVerdicts(ctx context.Context, r *slav1.ListVerdictsRequest) (*slav1.ListVerdictsResponse, error) {
	keys, err := s.Verdicts.Keys(ctx)
	if err != nil {
		return nil, err
	}
	size := int(r.GetPageSize())
	if size == 0 {
		size = standardPage
	}
	answer := &slav1.ListVerdictsResponse{}
	for _, key := range keys {
		if token := r.GetPageToken(); token != "" && tokenOf(key) >= token {
			continue
		}
		v, err := s.Verdicts.Get(ctx, key.ExportID, key.Date)
		if fault.KindOf(err) == fault.NotFound {
			continue // removed since it was listed
		}
		if err != nil {
			return nil, err
		}
		if id := r.GetCustomerId(); id != "" && v.GetCustomerId() != id {
			continue
		}
		if len(answer.Verdicts) == size {
			last := answer.Verdicts[size-1]
			answer.NextPageToken = tokenOf(store.Key{Date: last.GetExportDate(), ExportID: last.GetExportId()})
			return answer, nil
		}
		answer.Verdicts = append(answer.Verdicts, v)
	}
	return answer, nil
}

func tokenOf(k store.Key) string { return k.Date + "." + k.ExportID }
