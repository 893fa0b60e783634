import asyncio, sys, pathlib, tempfile
sys.path.insert(0,'/work/main')
from tests.audio.rig import *
async def main():
    async with World(pathlib.Path(tempfile.mkdtemp())) as w:
        async with Rig(w) as rig, Ear(rig,w.lobby) as ear:
            await w.listen(); await w.add(tone(440))
            for _ in range(8):
                await asyncio.sleep(0.5)
                p=rig.players._players.get(w.lobby)
                print(p and (p.status,p.node and p.node.name,p._seen,p._taps), len(ear.packets), w.room.current and w.room.current.started_at, ear._task)
        print((w.folder/'data'/'node.log').read_text()[-2000:])
asyncio.run(main())
