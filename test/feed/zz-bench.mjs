import { WebSocketServer, WebSocket } from 'ws'
import { once } from 'node:events'
import { fork } from 'node:child_process'
import { startRedis } from '../redis-server.ts'
import { startServices, basic } from '../services.ts'
const N = Number(process.argv[2] ?? 1000)
// Clients in a child so that their work does not count
if (process.argv[3] === 'child') {
  process.on('message', async ({ url, headers, hello }) => {
    const socks = []
    for (let i=0;i<N;i++){ const s=new WebSocket(url,{headers}); await once(s,'open'); if(hello){ s.send('{"type":"hello","version":1}'); await once(s,'message')}; socks.push(s)}
    let got=0
    for(const s of socks) s.on('message',(d)=>{ if(++got===N){got=0; process.send('all')}})
    process.send('ready')
  })
} else {
  const redis = await startRedis()
  const services = await startServices({ redisUrl: redis.url })
  const grades = await services.register('g', { introspect: true })
  const run = async (url, headers, hello, fire) => {
    const c = fork(new URL(import.meta.url).pathname, [String(N), 'child'])
    c.send({ url, headers, hello }); await once(c,'message')
    const t=[]
    for(let i=0;i<220;i++){ const t0=performance.now(); const all=once(c,'message'); await fire(i); await all; t.push(performance.now()-t0)}
    c.kill(); t.splice(0,20); t.sort((a,b)=>a-b); return [t[100],t[198]].map(x=>x.toFixed(2))
  }
  for (let k=0;k<2;k++){
  const wss = new WebSocketServer({ port: 0 , perMessageDeflate:false}); await once(wss,'listening')
  const text = '{"type":"event","partition":3,"epoch":"0123456789abcdef","seq":1234,"event":{"type":"subject","sub":"alice"}}'
  console.log('bare ', await run(`ws://127.0.0.1:${wss.address().port}`, {}, false, async()=>{ for (const s of wss.clients) s.send(text) }))
  console.log('feed (publish to all got)', await run(services.introspect[0].replace('http','ws')+'/feed', {authorization: basic(grades)}, true, (i)=>services.store.revocations.revoke({level:'subject',sub:'a'+i},{by:'x'})))
  wss.close()
  }
  process.exit()
}
