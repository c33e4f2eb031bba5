package obs

// Span names, "{operation} {low-cardinality thing}"; ids are attributes. Together they make one run's trace: SpanDue is
// its root, SpanSummary closes it from due time to verdict.
const (
	SpanTick           = "tick planner" // a trace of its own, linked to the runs it starts
	SpanDue            = "due run"
	SpanPlan           = "plan run"
	SpanMeasure        = "measure run"
	SpanExtract        = "extract part"
	SpanExtractStarted = "start extract" // leaves at once: a span leaves its process only when it ends
	SpanQuery          = "query source"
	SpanEncode         = "encode part"
	SpanUpload         = "upload part"
	SpanCommit         = "commit drop"
	SpanAbort          = "abort run"
	SpanCopy           = "copy part" // of another run
	SpanReadBack       = "read back drop"
	SpanExpire         = "expire drop"
	SpanCheck          = "check destination" // before the first run
	SpanVerify         = "verify drop"
	SpanVerdict        = "judge run"
	SpanSummary        = "run"
)

// MetricEncodeFallbacks counts files that only Arrow's library can write, because a column has a type that our own
// encoder does not know.
const MetricEncodeFallbacks = "exports.encode.fallbacks"
