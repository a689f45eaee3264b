package rights

// The table: every verb and who may do it. The names are part of the audit log's format: they are added to,
// never renamed.
var (
	TenantAdd    = verb("tenant.add", Operator)
	TenantList   = verb("tenant.list", Operator)
	TenantErase  = verb("tenant.erase", Operator)
	TenantPurge  = verb("tenant.purge", Operator) // what was left of an erased one is deleted, the database rewritten, the certificate signed
	TenantRead   = verb("tenant.read", Admin, Modeler, Analyst, Approver, Viewer)
	TenantChange = verb("tenant.change", Admin)

	CertificateRead = verb("certificate.read", Operator)

	UserAdd     = verb("user.add", Admin, Operator)
	UserList    = verb("user.list", Admin, Operator)
	UserChange  = verb("user.change", Admin)
	UserDisable = verb("user.disable", Admin, Operator)
	UserSelf    = verb("user.self", Admin, Modeler, Analyst, Approver, Viewer, Operator)

	OperatorAdd    = verb("operator.add", Operator)    // a user of the appliance itself
	OperatorChange = verb("operator.change", Operator) // what user.change is in a tenant

	PasswordRequest = verb("password.request", Admin, Modeler, Analyst, Approver, Viewer, Operator) // a way to set a new one, by mail
	PasswordReset   = verb("password.reset", Admin, Modeler, Analyst, Approver, Viewer, Operator)   // by that way

	InvitationAccept = verb("invitation.accept", Admin, Modeler, Analyst, Approver, Viewer, Operator) // by whoever was invited

	SignIn       = verb("session.sign-in", Admin, Modeler, Analyst, Approver, Viewer, Operator)
	StepUp       = verb("session.step-up", Admin, Modeler, Analyst, Approver, Viewer, Operator) // a fresh proof, for what asks for one
	SignOut      = verb("session.sign-out", Admin, Modeler, Analyst, Approver, Viewer, Operator)
	SessionList  = verb("session.list", Admin, Modeler, Analyst, Approver, Viewer, Operator)
	SessionClose = verb("session.revoke", Admin, Modeler, Analyst, Approver, Viewer, Operator)
	SessionSeen  = verb("session.seen", Operator) // the appliance notes last uses, and ends what is over

	NoticeRead = verb("notice.read", Admin, Operator) // messages to people, with the links in those that were not sent
	NoticeSend = verb("notice.send", Operator)        // the appliance's sender takes and marks them

	SetUp         = verb("appliance.set-up", Operator)
	SettingRead   = verb("setting.read", Admin, Modeler, Analyst, Approver, Viewer, Operator)
	SettingChange = verb("setting.change", Operator)
	RoleList      = verb("role.list", Admin, Modeler, Analyst, Approver, Viewer, Operator) // who may do what: the table itself

	APIKeyAdd    = verb("api-key.add", Admin, Modeler, Analyst, Operator)
	APIKeyList   = verb("api-key.list", Admin, Modeler, Analyst, Operator)
	APIKeyRotate = verb("api-key.rotate", Admin, Modeler, Analyst, Operator)
	APIKeyRevoke = verb("api-key.revoke", Admin, Modeler, Analyst, Operator)

	PortfolioImport = verb("portfolio.import", Admin, Modeler)
	PortfolioCheck  = verb("portfolio.check", Admin, Modeler) // files are read and judged, and not imported
	PortfolioRead   = verb("portfolio.read", Admin, Modeler, Analyst, Approver, Viewer)
	PortfolioDelete = verb("portfolio.delete", Admin, Modeler)

	ModelRegister = verb("model.register", Admin, Modeler)
	ModelRead     = verb("model.read", Admin, Modeler, Analyst, Approver, Viewer)

	TrustRead = verb("trust.read", Admin, Modeler, Analyst, Approver, Viewer, Operator) // controls, destinations, what is not claimed

	RunSubmit = verb("run.submit", Admin, Modeler, Analyst)
	RunClaim  = verb("run.claim", Admin, Modeler, Analyst, Worker)
	RunWork   = verb("run.work", Worker) // of a run that it has claimed: its exposure is read, its finished blocks are kept
	RunFinish = verb("run.finish", Admin, Modeler, Analyst, Worker)
	RunFail   = verb("run.fail", Admin, Modeler, Analyst, Worker)
	RunCancel = verb("run.cancel", Admin, Modeler, Analyst)
	RunRead   = verb("run.read", Admin, Modeler, Analyst, Approver, Viewer)
	RunExport = verb("run.export", Admin, Modeler, Analyst, Approver)
	RunReplay = verb("run.replay", Worker)                                    // a finished run is computed again, in a drill of a backup
	RunReport = verb("run.report", Admin, Modeler, Analyst, Approver, Viewer) // figures, seal, approval and lineage of one run in one reading

	RunSeal    = verb("run.seal", Admin, Modeler, Analyst, Worker)
	SealRead   = verb("seal.read", Admin, Modeler, Analyst, Approver, Viewer)
	SealRotate = verb("seal.rotate", Operator)

	EstimateSubmit = verb("estimate.submit", Admin, Modeler)
	EstimateRead   = verb("estimate.read", Admin, Modeler, Analyst, Approver, Viewer)
	EstimateBudget = verb("estimate.budget", Admin) // what may be spent on devices, and which relays are trusted
	EstimateWork   = verb("estimate.work", Worker)  // what a user asked for on a device is carried out, with its keys

	ApprovalRequest = verb("approval.request", Admin, Modeler, Analyst)
	ApprovalDecide  = verb("approval.decide", Admin, Approver)
	ApprovalRead    = verb("approval.read", Admin, Modeler, Analyst, Approver, Viewer)

	WebhookAdd     = verb("webhook.add", Admin)
	WebhookRead    = verb("webhook.read", Admin)
	WebhookChange  = verb("webhook.change", Admin) // and take it away
	WebhookRotate  = verb("webhook.rotate", Admin) // its secret
	WebhookSend    = verb("webhook.send", Admin)   // once more, or for a trial
	WebhookDeliver = verb("webhook.deliver", Worker)

	QuotaRead   = verb("quota.read", Admin, Modeler, Analyst, Approver, Viewer, Operator)
	QuotaChange = verb("quota.change", Operator)

	AuditRead   = verb("audit.read", Admin, Approver)
	AuditExport = verb("audit.export", Admin, Approver)
	AuditVerify = verb("audit.verify", Admin, Approver, Viewer, Operator)
	AuditSystem = verb("audit.system", Operator)

	LedgerRead       = verb("ledger.read", Admin, Modeler, Analyst, Approver, Viewer)
	LedgerVerify     = verb("ledger.verify", Admin, Modeler, Analyst, Approver, Viewer, Operator)
	LedgerCheckpoint = verb("ledger.checkpoint", Admin, Modeler, Analyst, Approver, Viewer, Operator)

	KeyList      = verb("key.list", Admin, Operator)
	KeyRotate    = verb("key.rotate", Admin, Operator)
	KeyRewrap    = verb("key.rewrap", Operator)
	KeyReencrypt = verb("key.reencrypt", Operator)
	KeyUnwrap    = verb("key.unwrap", Operator)
	SlotList     = verb("key.slot-list", Operator)
	SlotAdd      = verb("key.slot-add", Operator)
	SlotRemove   = verb("key.slot-remove", Operator)
	KeyRecovery  = verb("key.recovery", Operator)

	StoreUnlock     = verb("store.unlock", Operator)
	StoreLock       = verb("store.lock", Operator)
	StoreStatus     = verb("store.status", Operator)
	StoreCheck      = verb("store.check", Operator)
	StoreCompact    = verb("store.compact", Operator)
	StoreSweep      = verb("store.sweep", Admin, Operator)
	StoreCheckpoint = verb("store.checkpoint", Operator)
	StoreAlarm      = verb("store.alarm", Operator)
	StoreRecover    = verb("store.recover", Operator)

	BackupCreate  = verb("backup.create", Operator)
	BackupRead    = verb("backup.read", Operator)
	BackupPrune   = verb("backup.prune", Operator)
	BackupRestore = verb("backup.restore", Operator) // entered in the store that was restored
	BackupDrill   = verb("backup.drill", Operator)   // a backup is restored into a scratch place and verified there
	StoreDiagnose = verb("store.diagnose", Operator) // the doctor looks at store and host
	SupportBundle = verb("support.bundle", Operator) // what is handed to support is collected, looked at and packed
)

// Verbs lists the table in its order.
func Verbs() []Verb {
	return []Verb{
		TenantAdd, TenantList, TenantErase, TenantPurge, TenantRead, TenantChange, CertificateRead,
		UserAdd, UserList, UserChange, UserDisable, UserSelf,
		OperatorAdd, OperatorChange, PasswordRequest, PasswordReset, InvitationAccept,
		SignIn, StepUp, SignOut, SessionList, SessionClose, SessionSeen,
		NoticeRead, NoticeSend, SetUp, SettingRead, SettingChange, RoleList,
		APIKeyAdd, APIKeyList, APIKeyRotate, APIKeyRevoke,
		PortfolioImport, PortfolioCheck, PortfolioRead, PortfolioDelete,
		ModelRegister, ModelRead, TrustRead,
		RunSubmit, RunClaim, RunWork, RunFinish, RunFail, RunCancel, RunRead, RunExport, RunReplay, RunReport,
		RunSeal, SealRead, SealRotate,
		EstimateSubmit, EstimateRead, EstimateBudget, EstimateWork,
		ApprovalRequest, ApprovalDecide, ApprovalRead,
		WebhookAdd, WebhookRead, WebhookChange, WebhookRotate, WebhookSend, WebhookDeliver, QuotaRead, QuotaChange,
		AuditRead, AuditExport, AuditVerify, AuditSystem,
		LedgerRead, LedgerVerify, LedgerCheckpoint,
		KeyList, KeyRotate, KeyRewrap, KeyReencrypt, KeyUnwrap, SlotList, SlotAdd, SlotRemove, KeyRecovery,
		StoreUnlock, StoreLock, StoreStatus, StoreCheck, StoreCompact, StoreSweep, StoreCheckpoint, StoreAlarm, StoreRecover, StoreDiagnose, SupportBundle,
		BackupCreate, BackupRead, BackupPrune, BackupRestore, BackupDrill,
	}
}
