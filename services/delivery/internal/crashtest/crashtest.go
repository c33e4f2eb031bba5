// Package crashtest kills delivery at each step that it takes in a customer's bucket, and looks at the bucket meanwhile as
// the customer does. It does not know what the steps are for: whoever plays a scenario begins a task, lets it die, and has
// the same task delivered again. Start at EachStep and Reader.
package crashtest

import (
	"fmt"
	"testing"
)

// EachStep plays a scenario once for each call that it makes of the bucket of Death.Of, and the process dies at that call:
// before it took effect, and in a second round after it did, with the answer lost. The last play of a round is one that
// nobody dies in.
func EachStep(t *testing.T, play func(t *testing.T, d *Death)) {
	t.Helper()
	for _, answerLost := range []bool{false, true} {
		for step, died := int64(1), true; died && !t.Failed(); step++ {
			d := &Death{step: step, answerLost: answerLost}
			t.Run(fmt.Sprintf("step %d, answer lost %t", step, answerLost), func(t *testing.T) { play(t, d) })
			died = d.Came()
		}
	}
}
