package app

import (
	"testing"

	"github.com/customer-exports/exports/pkg/fault"
	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
)

// TestDeadTasksOverTheWire asks where nothing is dead, and as the contract rules out.
func TestDeadTasksOverTheWire(t *testing.T) {
	c := serve(t)
	if list, err := c.runs.ListDeadTasks(t.Context(), &planv1.ListDeadTasksRequest{CustomerId: "acme", PageSize: 10}); err != nil || len(list.GetTasks()) > 0 {
		t.Errorf("ListDeadTasks = %v, %v; want none", list, err)
	}
	for _, test := range []struct {
		request *planv1.RequeueTaskRequest
		want    fault.Reason
	}{
		{&planv1.RequeueTaskRequest{Which: sequence(7), Author: "ann@example.com", Reason: "x"}, fault.ReasonNotFound},
		{&planv1.RequeueTaskRequest{Which: sequence(7), Reason: "x"}, fault.ReasonValidation},
		{&planv1.RequeueTaskRequest{Which: sequence(7), Author: "Ann", Reason: "x"}, fault.ReasonValidation},
		{&planv1.RequeueTaskRequest{Which: sequence(7), Author: "ann@example.com"}, fault.ReasonValidation},
		{&planv1.RequeueTaskRequest{Which: sequence(0), Author: "ann@example.com", Reason: "x"}, fault.ReasonValidation},
		{&planv1.RequeueTaskRequest{Author: "ann@example.com", Reason: "x"}, fault.ReasonValidation},
	} {
		if _, err := c.runs.RequeueTask(t.Context(), test.request); fault.ReasonOf(err) != test.want {
			t.Errorf("RequeueTask(%v) = %v, want %s", test.request, err, test.want)
		}
	}
}

func sequence(n uint64) *planv1.RequeueTaskRequest_Sequence {
	return &planv1.RequeueTaskRequest_Sequence{Sequence: n}
}
