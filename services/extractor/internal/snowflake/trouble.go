package snowflake

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	sf "github.com/snowflakedb/gosnowflake/v2"

	"github.com/customer-exports/exports/pkg/fault"
)

// Numbers of the source's errors that mean more than their class.
const (
	noWarehouse   = 606
	asOfGone      = 707
	unknownColumn = 904
	driverFirst   = 260000
	driverLast    = 289999
	sessionFirst  = 390000
	sessionLast   = 390999
	wrongPassword = 390100
	userLocked    = 390102
	tokenInvalid  = 390144
)

// refusedStates are the SQLSTATE classes that another attempt cannot change: no data or access, data,
// authorisation, syntax.
var refusedStates = []string{"02", "0A", "22", "28", "42"}

// trouble turns an error of the driver into a fault. Driver text stays behind: it may quote rows, bound
// values and signed addresses. Number, state and query id find it again in the source's own history.
func trouble(ctx context.Context, err error, queryID string) error {
	if why := context.Cause(ctx); why != nil {
		return ended(why)
	}
	var answer *sf.SnowflakeError
	if !errors.As(err, &answer) {
		return fault.New(fault.Unavailable, fault.ReasonSourceUnavailable, "the source cannot be reached: %s", kindOf(err))
	}
	if queryID == "" {
		queryID = answer.QueryID
	}
	kind, reason := classify(answer.Number, answer.SQLState)
	return fault.New(kind, reason, "the source answered %06d (%s), query %q", answer.Number, answer.SQLState, queryID)
}

// ended says why a context ended: a fault that was given as its cause stays itself.
func ended(why error) error {
	if f, ok := fault.Of(why); ok {
		return f
	}
	return why
}

func classify(number int, state string) (fault.Kind, fault.Reason) {
	switch {
	case number == asOfGone:
		return fault.State, fault.ReasonSourceAsOfGone
	case number == unknownColumn:
		return fault.State, fault.ReasonSourceColumnMissing
	case number == noWarehouse:
		return fault.State, fault.ReasonSourceRefused
	case number == wrongPassword, number == userLocked, number == tokenInvalid:
		return fault.Denied, fault.ReasonSourceRefused
	case broken(number):
		return fault.Unavailable, fault.ReasonSourceUnavailable
	}
	for _, class := range refusedStates {
		if strings.HasPrefix(state, class) {
			return fault.State, fault.ReasonSourceRefused
		}
	}
	return fault.Unavailable, fault.ReasonSourceUnavailable
}

// broken reports errors of the connection or the session rather than of the statement.
func broken(number int) bool {
	return number >= driverFirst && number <= driverLast || number >= sessionFirst && number <= sessionLast
}

// kindOf names the kind of an error without its text.
func kindOf(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "unexpected end of the answer"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.As(err, new(*net.OpError)):
		return "network error"
	}
	return "unreadable answer"
}
