import { useState } from 'react'
import type { Schemas } from '../../api/client'
import { useGet } from '../../api/queries'
import { clock } from '../../format'
import { Dialog } from '../../parts/dialog'
import { Facts, Tag, Time } from '../../parts/state'
import { CopyText, Notice, Ready } from '../../parts/states'

type Run = Schemas['Run']

/** The seal, checked when this is asked: what is shown is never a kept answer older than a minute. */
function useSeal(run: Run) {
  return useGet('/api/v1/runs/{id}/seal', { path: { id: run.id } }, { enabled: run.seal === 'sealed', staleTime: 0, gcTime: 60_000, refetchOnWindowFocus: false })
}

/** The red band across the page of a run whose seal does not hold. */
export function BrokenSeal({ run }: { run: Run }) {
  const seal = useSeal(run).data
  if (!seal || seal.valid) return null
  const broken = (seal.checks as Schemas['SealCheck'][]).filter((c) => !c.ok)
  return <p className="band" role="alert">✕ The seal of this run is broken: {broken.map((c) => c.name).join(', ')}. Do not rely on these figures. They can be looked at, but not approved.</p>
}

/** Whether the seal holds, and when that was found out; a click shows each step. */
export function SealState({ run }: { run: Run }) {
  const [open, setOpen] = useState(false)
  const seal = useSeal(run)
  if (run.seal !== 'sealed') return <Tag mark="◔" tone="muted">{run.seal === 'pending' ? 'Seal pending' : 'Not sealed'}</Tag>
  if (seal.error) return <Tag mark="!" tone="warn">Seal not checked: {seal.error.problem.title.toLowerCase()}</Tag>
  if (!seal.data) return <Tag mark="◔" tone="muted">Checking the seal</Tag>
  const checked = new Date(seal.dataUpdatedAt)
  return (
    <>
      <button type="button" className="seal quiet" onClick={() => setOpen(true)}>
        {seal.data.valid ? <Tag mark="✓" tone="ok">Sealed</Tag> : <Tag mark="✕" tone="error">Broken seal</Tag>}<span className="muted small">checked {clock(checked)}</span>
      </button>
      <Dialog title="The seal of this run" open={open} onClose={() => setOpen(false)} wide>
        <Ready of={seal}>{(s) => <Steps seal={s} run={run} checked={checked} again={() => void seal.refetch()} />}</Ready>
      </Dialog>
    </>
  )
}

function Steps({ seal, run, checked, again }: { seal: Schemas['RunSeal']; run: Run; checked: Date; again: () => void }) {
  return (
    <>
      <Notice tone={seal.valid ? 'ok' : 'error'}><strong>{seal.valid ? 'Every step holds.' : 'It does not hold.'}</strong> Checked {clock(checked)} by the appliance, from the kept bytes. <button type="button" className="link" onClick={again}>Check again</button></Notice>
      <Facts of={[['Made', <Time key="m" at={seal.made} />], ['Envelope, SHA-256', <CopyText key="s" text={seal.sha256} />], ['Key', <CopyText key="k" text={seal.key} />]]} />
      <div className="scroll" tabIndex={0} role="region" aria-label="Steps of the check">
        <table>
          <caption className="unseen">Steps of the check</caption>
          <thead><tr><th scope="col">Step</th><th scope="col">Holds</th><th scope="col">Found</th></tr></thead>
          <tbody>
            {(seal.checks as Schemas['SealCheck'][]).map((c, i) => (
              <tr key={i}><td>{c.name}</td><td>{c.ok ? <Tag mark="✓" tone="ok">yes</Tag> : <Tag mark="✕" tone="error">no</Tag>}</td>
                <td className="wide"><code>{c.got ?? '—'}</code>{c.want !== undefined && c.want !== c.got ? <><br /><span className="muted">wanted</span> <code>{c.want}</code></> : null}{c.reason ? <><br /><span className="muted">{c.reason}</span></> : null}</td></tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="actions"><a className="button" href={`/api/v1/runs/${run.id}/seal/file`} download>Download the seal</a><code>qrs-replay verify FILE</code></div>
    </>
  )
}
