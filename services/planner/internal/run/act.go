package run

import planv1 "github.com/customer-exports/exports/proto/exports/plan/v1"

// maxActs is how many acts a record keeps; the contract of planv1.Run.
const maxActs = 20

// Note keeps with a run what was asked of it.
func Note(r *planv1.Run, act *planv1.Act) {
	r.Acts = append(r.GetActs(), act)
	if excess := len(r.Acts) - maxActs; excess > 0 {
		r.Acts = r.Acts[excess:]
	}
}
