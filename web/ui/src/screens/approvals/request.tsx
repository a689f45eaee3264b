// One request for approval: what is checked now, what is other than in the last approved run, and the decision.
import { useState } from 'react'
import { useParams } from 'wouter'
import { api, ApiError, type Schemas } from '../../api/client'
import { useGet, useMay, useMe, useRefresh } from '../../api/queries'
import { count } from '../../format'
import { Dialog } from '../../parts/dialog'
import { Form, TextArea } from '../../parts/form'
import { Head } from '../../parts/frame'
import { ObjectName, Person, useObjects, usePeople } from '../../parts/names'
import { ApprovalTag, Facts, Time } from '../../parts/state'
import { CopyText, Notice, Ready } from '../../parts/states'
import { toast } from '../../parts/toast'
import { Against } from './against'
import { Checks } from './checks'
import './approvals.css'

type Approval = Schemas['Approval']

export default function Request() {
  const { id } = useParams<{ id: string }>()
  const request = useGet('/api/v1/approvals/{id}', { path: { id } }, { refetchInterval: 15_000 })
  return <div className="screen"><Ready of={request} rows={10}>{(a) => <Asked of={a} />}</Ready></div>
}

function Asked({ of: a }: { of: Approval }) {
  const objects = useObjects()
  const people = usePeople()
  const name = objects.get(a.object)?.name ?? `${a.kind} ${a.object.slice(0, 12)}`
  return (
    <>
      <Head title={`Approval of ${name}`} about={<>{a.kind === 'run' ? 'Run' : 'Portfolio'} <ObjectName id={a.object} version={a.portfolio_version} objects={objects} />{a.portfolio_version ? `, version ${count(a.portfolio_version)}` : ''} · asked by <Person id={a.by} people={people} /> · <Time at={a.at} /></>} actions={<><ApprovalTag decision={a.decision} /><Decide of={a} name={name} /></>} />
      <Standing of={a} />
      {a.note ? <section className="panel"><h2>Note of the requester</h2><p className="quoted">{a.note}</p></section> : null}
      <Checks of={a} />
      {a.kind === 'run' ? <Against of={a} /> : null}
      <section className="section">
        <h2>The request</h2>
        <div className="panel"><Facts of={[
          ['Request', <CopyText key="id" text={a.id} />], ['Object', <CopyText key="o" text={a.object} />], ['Digest asked about', <CopyText key="d" text={a.digest} />],
          ['Asked', <Time key="t" at={a.at} />], ['Asked by', <Person key="p" id={a.by} people={people} />],
        ]} /></div>
      </section>
    </>
  )
}

/** Where the request stands, when it is no longer open; or why the reader cannot decide. */
function Standing({ of: a }: { of: Approval }) {
  const people = usePeople()
  const me = useMe().data
  const may = useMay()
  if (a.decision !== 'requested') {
    const words = { approved: 'Approved', rejected: 'Rejected', withdrawn: 'Withdrawn', void: 'Void' }[a.decision]
    return (
      <Notice tone={a.decision === 'approved' ? 'ok' : a.decision === 'rejected' ? 'error' : 'info'}>
        <strong>{words}{a.decision === 'void' ? '' : <> by <Person id={a.decider} people={people} /></>}, <Time at={a.decided} />.</strong>
        {a.decision === 'void' ? ' What was to be approved is no longer what it was. Ask anew for what it is now.' : null}
        {a.reason ? <p className="quoted">{a.reason}</p> : null}
      </Notice>
    )
  }
  if (me && a.by === me.id) return <Notice><strong>You asked for this, so somebody else decides.</strong> Approvers and administrators of your tenant can. Until then you can withdraw it.</Notice>
  if (me && !may('approval.decide')) return <Notice><strong>The role {me.role} does not decide.</strong> Approvers and administrators do; an administrator can give you another role.</Notice>
  return null
}

type Deed = 'approve' | 'reject' | 'withdraw'

const deeds = {
  approve: { button: 'Approve', done: 'Approved', label: 'Reason', hint: 'For whoever reads the record later. It becomes a leaf of the ledger.', title: 'Approve' },
  reject: { button: 'Reject', done: 'Rejected', label: 'Comment', hint: 'What has to change before it can be approved.', title: 'Reject' },
  withdraw: { button: 'Withdraw', done: 'Request withdrawn', label: 'Reason', hint: 'May be left empty.', title: 'Withdraw the request' },
} as const

/** What the reader may do: whoever asked withdraws, another with the right decides. */
function Decide({ of: a, name }: { of: Approval; name: string }) {
  const me = useMe().data
  const may = useMay()
  const [deed, setDeed] = useState<Deed>()
  if (a.decision !== 'requested' || !me) return null
  const mine = a.by === me.id
  return (
    <>
      {!mine && may('approval.decide') ? <><button type="button" onClick={() => setDeed('reject')}>Reject …</button><button type="button" className="primary" onClick={() => setDeed('approve')}>Approve …</button></> : null}
      {mine && may('approval.request') ? <button type="button" onClick={() => setDeed('withdraw')}>Withdraw …</button> : null}
      {deed ? <Deciding of={a} name={name} deed={deed} onClose={() => setDeed(undefined)} /> : null}
    </>
  )
}

function Deciding({ of: a, name, deed, onClose }: { of: Approval; name: string; deed: Deed; onClose: () => void }) {
  const refresh = useRefresh()
  const words = deeds[deed]
  const send = async (data: FormData) => {
    const reason = String(data.get('reason') ?? '').trim()
    if (!reason && deed !== 'withdraw') throw missing(words.label)
    try {
      await api.post(`/api/v1/approvals/{id}/${deed}`, { path: { id: a.id }, body: { reason } })
    } catch (e) {
      if (!(e instanceof ApiError) || e.kind !== 'conflict') throw e
      // It is decided, or void: nothing is left to do in the dialog, and the page shows which.
      await refresh('/api/v1/approvals', '/api/v1/runs')
      toast(`${e.problem.title}. ${e.problem.detail ?? ''}`, 'error')
      return onClose()
    }
    await refresh('/api/v1/approvals', '/api/v1/runs', '/api/v1/portfolios', '/api/v1/ledger')
    toast(words.done)
    onClose()
  }
  return (
    <Dialog title={words.title} open onClose={onClose}>
      <p>{deed === 'approve' ? <>You approve <strong>{name}</strong> as it is now, in your name.</> : deed === 'reject' ? <>You reject <strong>{name}</strong>, in your name.</> : <>Nobody decides on <strong>{name}</strong> any more. You can ask again.</>}</p>
      <Form button={words.button} danger={deed === 'reject'} send={send} after={<button type="button" onClick={onClose}>Cancel</button>}>
        {(fault) => <TextArea label={words.label} name="reason" required={deed !== 'withdraw'} maxLength={2000} rows={4} autoFocus hint={words.hint} fault={fault('reason')} />}
      </Form>
    </Dialog>
  )
}

/** The same form of error as the API gives, for what need not be sent to be known. */
function missing(label: string): ApiError {
  return new ApiError({ type: '/docs/api#problem-invalid', title: 'Something is missing', status: 400, detail: `${label}: say why.`, request_id: '', errors: [{ pointer: '/reason', detail: 'Say why, for whoever reads this later.' }] })
}
