import { useState } from 'react'
import { Link } from 'wouter'
import { api, type Schemas } from '../../api/client'
import { useGet, useMay, useRefresh } from '../../api/queries'
import { Dialog } from '../../parts/dialog'
import { Form, TextArea } from '../../parts/form'
import { ApprovalTag, Tag } from '../../parts/state'
import { toast } from '../../parts/toast'

type Run = Schemas['Run']

// What nobody asked approval for has none, which the list of requests says without an error. Beyond a thousand requests it may be older than those.
export function useApproval(object: string, kind: Schemas['Approval']['kind'] = 'run') {
  const may = useMay()
  const list = useGet('/api/v1/approvals', { query: { limit: 1000 } }, { enabled: may('approval.read') })
  const asked = list.data ? (list.data.items?.some((a) => a.object === object) ?? false) || list.data.next_cursor !== undefined : false
  const ofRun = useGet('/api/v1/runs/{id}/approval', { path: { id: object } }, { enabled: asked && kind === 'run', retry: false })
  const ofPortfolio = useGet('/api/v1/portfolios/{id}/approval', { path: { id: object } }, { enabled: asked && kind === 'portfolio', retry: false })
  const last = kind === 'run' ? ofRun : ofPortfolio
  return { data: asked ? last.data : undefined, none: list.data !== undefined && (!asked || last.error?.status === 404), known: (list.data !== undefined && !asked) || last.data !== undefined || last.error !== null }
}

/** Where the run stands with its approval. */
export function Approval({ run }: { run: Run }) {
  const approval = useApproval(run.id)
  if (approval.data) {
    return <Link href={`/approvals/${approval.data.approval.id}`} className="plain"><ApprovalTag decision={approval.data.approval.decision} />{approval.data.current ? null : <span className="muted small"> of what it was before</span>}</Link>
  }
  return approval.none ? <Tag mark="○" tone="muted">Draft</Tag> : null
}

/** Asks for approval, with a note, where there is none on its way. */
export function AskApproval({ run }: { run: Run }) {
  const [open, setOpen] = useState(false)
  const may = useMay()
  const refresh = useRefresh()
  const approval = useApproval(run.id)
  const seal = useGet('/api/v1/runs/{id}/seal', { path: { id: run.id } }, { enabled: run.seal === 'sealed', gcTime: 60_000, refetchOnWindowFocus: false })
  const decided = approval.data?.approval.decision
  if (!may('approval.request') || !approval.known || decided === 'requested' || (decided === 'approved' && approval.data?.current)) return null
  const unsealed = run.seal !== 'sealed' || seal.data?.valid === false
  return (
    <>
      <button type="button" className="primary" disabled={unsealed} title={unsealed ? 'A run is approved with its seal: it is not there, or broken' : undefined} onClick={() => setOpen(true)}>Request approval</button>
      <Dialog title="Request approval" open={open} onClose={() => setOpen(false)}>
        <p>Somebody else of your tenant decides, on exactly this result: whatever changes it voids the request.</p>
        <Form button="Request approval" after={<button type="button" onClick={() => setOpen(false)}>Cancel</button>} send={async (data) => {
          const note = String(data.get('note') ?? '').trim()
          await api.post('/api/v1/approvals', { body: { kind: 'run', object: run.id, ...(note ? { note } : {}) } })
          await refresh('/api/v1/runs/{id}/approval', '/api/v1/approvals')
          toast('Approval requested')
          setOpen(false)
        }}>
          {(fault) => <TextArea label="Note" name="note" maxLength={2000} rows={4} autoFocus hint="What this run is for, and what is other than before. May be left empty." fault={fault('note')} />}
        </Form>
      </Dialog>
    </>
  )
}
