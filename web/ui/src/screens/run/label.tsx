import { useState } from 'react'
import { api, type Schemas } from '../../api/client'
import { useMay, useRead, useRefresh } from '../../api/queries'
import { Dialog } from '../../parts/dialog'
import { Form, TextArea, TextField } from '../../parts/form'
import { Ready } from '../../parts/states'
import { toast } from '../../parts/toast'
import { useApproval } from './approval'

type Run = Schemas['Run']

/** Gives a run another name or note. Who is to decide about it has read them, so that an open request becomes void. */
export function EditLabel({ run }: { run: Run }) {
  const [open, setOpen] = useState(false)
  const may = useMay()
  if (!may('run.submit')) return null
  return (
    <>
      <button type="button" className="link" onClick={() => setOpen(true)}>Name and note …</button>
      <Dialog title="Name and note" open={open} onClose={() => setOpen(false)}>{open ? <Fields run={run} onClose={() => setOpen(false)} /> : null}</Dialog>
    </>
  )
}

function Fields({ run: { id }, onClose }: { run: Run; onClose: () => void }) {
  const now = useRead('/api/v1/runs/{id}', { path: { id } })
  const approval = useApproval(id).data?.approval.decision
  const refresh = useRefresh()
  return (
    <Ready of={now} rows={3}>{({ data: run, etag }) => (
      <>
        {approval === 'requested' ? <p>Approval is asked for this run as it is: a change makes the request void. You can ask again.</p> : approval === 'approved' ? <p>This run is approved as it is: after a change the approval is of what it was before.</p> : null}
        <Form button="Save" after={<button type="button" onClick={onClose}>Cancel</button>} send={async (data) => {
          await api.patch('/api/v1/runs/{id}', { path: { id }, etag, body: { name: String(data.get('name') ?? '').trim(), note: String(data.get('note') ?? '').trim() } })
          await refresh('/api/v1/runs', '/api/v1/approvals')
          toast('Saved')
          onClose()
        }}>
          {(fault) => <><TextField label="Name" name="name" defaultValue={run.name} maxLength={200} autoFocus fault={fault('name')} /><TextArea label="Note" name="note" defaultValue={run.note} maxLength={2000} rows={4} fault={fault('note')} /></>}
        </Form>
      </>
    )}</Ready>
  )
}
