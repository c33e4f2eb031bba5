package fault

// Reason names one cause. Reasons are stable: dashboards, alerts and the runbook refer to them.
type Reason string

// About the request.
const (
	ReasonValidation      Reason = "VALIDATION"
	ReasonNotFound        Reason = "NOT_FOUND"
	ReasonAlreadyExists   Reason = "ALREADY_EXISTS"
	ReasonStaleEtag       Reason = "STALE_ETAG"
	ReasonBucketTaken     Reason = "BUCKET_TAKEN"
	ReasonEmptyScope      Reason = "EMPTY_SCOPE"
	ReasonUnknownTable    Reason = "UNKNOWN_TABLE"
	ReasonUnknownColumn   Reason = "UNKNOWN_COLUMN"
	ReasonUnknownTimeZone Reason = "UNKNOWN_TIME_ZONE"
	ReasonPersonalColumn  Reason = "PERSONAL_COLUMN"
	ReasonNotDue          Reason = "NOT_DUE"
	ReasonBeforeStart     Reason = "BEFORE_START"
	ReasonNotScheduled    Reason = "NOT_SCHEDULED"
	ReasonBeyondRetention Reason = "BEYOND_RETENTION"
	ReasonNotActive       Reason = "NOT_ACTIVE"
	ReasonNotApproved     Reason = "NOT_APPROVED"
	ReasonNotPending      Reason = "NOT_PENDING"
	ReasonSelfApproval    Reason = "SELF_APPROVAL"
	ReasonPreflightFailed Reason = "PREFLIGHT_FAILED"
	ReasonArchived        Reason = "ARCHIVED"
	ReasonNotArchived     Reason = "NOT_ARCHIVED"
	ReasonUnknownScope    Reason = "UNKNOWN_SCOPE"
	ReasonLocationTaken   Reason = "LOCATION_TAKEN"
	ReasonRequestIDReused Reason = "REQUEST_ID_REUSED"
	ReasonDenied          Reason = "DENIED"
)

// About what an operator asks of a run.
const (
	ReasonCommitBegun  Reason = "COMMIT_BEGUN"
	ReasonRunEnded     Reason = "RUN_ENDED"
	ReasonRunNotEnded  Reason = "RUN_NOT_ENDED"
	ReasonSuperseded   Reason = "SUPERSEDED"
	ReasonQuarantined  Reason = "QUARANTINED"
	ReasonPlanNotStale Reason = "PLAN_NOT_STALE"
	ReasonNotCommitted Reason = "NOT_COMMITTED"
	ReasonTaskSettled  Reason = "TASK_SETTLED"
)

// About the source.
const (
	ReasonSourceUnavailable   Reason = "SOURCE_UNAVAILABLE"
	ReasonSourceRefused       Reason = "SOURCE_REFUSED"
	ReasonSourceTruncated     Reason = "SOURCE_TRUNCATED"
	ReasonSourceNotArrow      Reason = "SOURCE_NOT_ARROW"
	ReasonSourceAsOfGone      Reason = "SOURCE_AS_OF_GONE"
	ReasonSourceColumnMissing Reason = "SOURCE_COLUMN_MISSING"
	ReasonSourceTypeChanged   Reason = "SOURCE_TYPE_CHANGED"
	ReasonSourceStalled       Reason = "SOURCE_STALLED"
	ReasonValueOutOfRange     Reason = "VALUE_OUT_OF_RANGE"
	ReasonChunkExpired        Reason = "CHUNK_EXPIRED"
)

// About a part on its way.
const (
	ReasonScopeViolation   Reason = "SCOPE_VIOLATION"
	ReasonTrailerMissing   Reason = "TRAILER_MISSING"
	ReasonTrailerMismatch  Reason = "TRAILER_MISMATCH"
	ReasonSchemaMismatch   Reason = "SCHEMA_MISMATCH"
	ReasonRowCountMismatch Reason = "ROW_COUNT_MISMATCH"
	ReasonPartSuperseded   Reason = "PART_SUPERSEDED"
)

// About the bucket and the drop in it.
const (
	ReasonBucketUnavailable   Reason = "BUCKET_UNAVAILABLE"
	ReasonBucketDenied        Reason = "BUCKET_DENIED"
	ReasonBucketRoleDenied    Reason = "BUCKET_ROLE_DENIED"
	ReasonBucketKeyRefused    Reason = "BUCKET_KEY_REFUSED"
	ReasonBucketOwnerMismatch Reason = "BUCKET_OWNER_MISMATCH"
	ReasonCommitFenced        Reason = "COMMIT_FENCED"
	ReasonReadBackMismatch    Reason = "READ_BACK_MISMATCH"
	ReasonUploadGone          Reason = "UPLOAD_GONE"
	ReasonFileGone            Reason = "FILE_GONE"
	ReasonFileChanged         Reason = "FILE_CHANGED"
	ReasonFileDamaged         Reason = "FILE_DAMAGED"
)

// About ourselves.
const (
	ReasonInternal          Reason = "INTERNAL"
	ReasonPanic             Reason = "PANIC"
	ReasonUnavailable       Reason = "UNAVAILABLE"
	ReasonExhausted         Reason = "EXHAUSTED"
	ReasonDeadline          Reason = "DEADLINE_EXCEEDED"
	ReasonCanceled          Reason = "CANCELED"
	ReasonTaskInvalid       Reason = "TASK_INVALID"
	ReasonAttemptsExhausted Reason = "ATTEMPTS_EXHAUSTED"
)
