package server

import (
	"context"

	planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"
	"github.com/customer-exports/exports/services/planner/internal/plan"
)

// ListDeadTasks returns a page of the tasks that were given up, oldest first.
func (s *Runs) ListDeadTasks(ctx context.Context, r *planv1.ListDeadTasksRequest) (*planv1.ListDeadTasksResponse, error) {
	tasks, next, err := s.Planner.ListDead(ctx, r.GetCustomerId(), plan.Page{Size: int(r.GetPageSize()), Token: r.GetPageToken()})
	if err != nil {
		return nil, err
	}
	return &planv1.ListDeadTasksResponse{Tasks: tasks, NextPageToken: next}, nil
}

// RequeueTask has a task that was given up done once more.
func (s *Runs) RequeueTask(ctx context.Context, r *planv1.RequeueTaskRequest) (*planv1.RequeueTaskResponse, error) {
	which := plan.Which{Sequence: r.GetSequence(), TaskID: r.GetTaskId()}
	act := &planv1.Act{Method: "RequeueTask", Author: r.GetAuthor(), Reason: r.GetReason()}
	task, run, err := s.Planner.Requeue(ctx, which, act)
	if err != nil {
		return nil, err
	}
	return &planv1.RequeueTaskResponse{Task: task, Run: run}, nil
}
