//! A checkpoint written by hand from the page that describes the format.

use super::*;

/// A checkpoint from the tables of `docs/journal.md`. `origin` is where its second delivery was owed first.
fn by_hand(magic: &[u8; 8], origin: &[u8]) -> Vec<u8> {
    let mut bytes = crate::journal::tests::page::header(&[
        (0, magic),
        (8, &9_u64.to_le_bytes()),
        (16, &2_u32.to_le_bytes()),
        (20, &64_u32.to_le_bytes()),
        (24, &7_u32.to_le_bytes()),
        (32, &1_700_000_000_000_000_i64.to_le_bytes()),
        (40, &1_u32.to_le_bytes()),
        (44, &127_u32.to_le_bytes()),
    ]);
    let mut all = bytes.clone();
    let mut block = |kind: u32, items: u32, payload: &[u8]| {
        let head = [kind, items, payload.len() as u32].map(u32::to_le_bytes).concat();
        let crc = crc32c::crc32c(&[&head, payload].concat()).to_le_bytes();
        let end = crc32c::crc32c(&all);
        all.extend(crc);
        bytes.extend([&head, &crc[..], payload].concat());
        end
    };
    // Attempts 3, waits 1 s and 2 s, growth 1500, jitter 0, weight 4, no hours.
    let terms = b"\x02\x03\x01\x00\x02\x00\xdc\x0b\x00\x04\x00";
    block(1, 3, &[b"\x00\x02ws".as_slice(), b"\x01\x00\x03con", terms].concat());
    // A plain one; one without an input, with an attempt that has begun, a rate limit and an order.
    let one = [&[0_u8][..], &[0xab; 16], b"\x02\x80\x02\x00\x64\x00\x00\x14\x0a\x01\x01"].concat();
    let numbers = b"\x02\x01\x05\x64\x00\x00\x02\x00\x02\x03\x03\x02\x00";
    let flags = if origin.is_empty() { 15 } else { 31 };
    let two = [&[flags][..], &[0xcd; 16], numbers, &[9; 16], b"\x04\x3c\x00\x07", origin].concat();
    block(2, 2, &[one, two].concat());
    let name =
        [b"\x00\x03\x03key".as_slice(), &[5; 32], b"\x02e1\x02\x00\x02\x00", &[0xab; 16], b"\x01\x01d"]
            .concat();
    block(3, 1, &name);
    // One duplicate and 300 outside their hours; a key of each gate, forgotten after 100 ms, 5 ms and at
    // once after the last of its sends: 2 at 90 and 1 at 95; 3 at -4.
    let dedupe = [&[1_u8, 0][..], &[1; 16], b"\xc8\x01"].concat();
    let throttle = [&[2_u8, 0][..], &[2; 16], b"\xc8\x01\x02\x0a\x01\x0a\x02"].concat();
    let rate = [&[3_u8, 0][..], &[3; 16], b"\x07\x01\x00\x03"].concat();
    block(4, 4, &[b"\x00\x01\x00\x00\xac\x02".to_vec(), dedupe, throttle, rate].concat());
    let end = block(5, 0, &[]).to_le_bytes();
    // The end is written again, now that its CRC over all before is known.
    bytes.truncate(bytes.len() - 16);
    let payload = [b"\x02\x01".as_slice(), &end].concat();
    let head = [5_u32, 0, payload.len() as u32].map(u32::to_le_bytes).concat();
    bytes.extend(
        [&head[..], &crc32c::crc32c(&[&head[..], &payload].concat()).to_le_bytes(), &payload].concat(),
    );
    bytes
}

/// What stands in it.
fn pending_by_hand(origin: Origin) -> [PendingEntry; 2] {
    let wanted = PendingEntry {
        id: Uuid::from_bytes([0xab; 16]),
        connection: 0,
        terms: 0,
        position: Position { segment: 1, offset: 128 },
        index: 0,
        origin: Origin { position: Position { segment: 1, offset: 128 }, index: 0 },
        bytes: 100,
        expires_at: 10,
        due_at: 5,
        attempts: 1,
        cost: 1,
        rate: None,
        order: None,
        mapped: true,
        started: None,
    };
    let rate = Tally { key: GateKey::from_bytes([9; 16]), allow: 4, every: Duration::from_secs(60) };
    let second = PendingEntry {
        id: Uuid::from_bytes([0xcd; 16]),
        position: Position { segment: 2, offset: 127 },
        index: 5,
        origin,
        expires_at: 11,
        due_at: 11,
        attempts: 2,
        cost: 3,
        rate: Some(rate),
        order: Some(7),
        mapped: false,
        started: Some((3, at(1))),
        ..wanted.clone()
    };
    [wanted, second]
}

fn gates_by_hand() -> [Kept; 3] {
    let key = |byte| GateKey::from_bytes([byte; 16]);
    let throttle = Recent::of(vec![(90, 2), (95, 1)]).unwrap();
    let rate = Recent::of(vec![(-4, 3)]).unwrap();
    [
        Kept::Dedupe(Entry { key: key(1), until: 100, state: () }),
        Kept::Throttle(Entry { key: key(2), until: 100, state: throttle }),
        Kept::Rate(Entry { key: key(3), until: -4, state: rate }),
    ]
}

#[test]
fn a_checkpoint_written_from_the_page_is_read() {
    let copied = Origin { position: Position { segment: 1, offset: 300 }, index: 4 };
    is_read(&by_hand(b"FWCHECK3", b"\x01\xac\x02\x04"), copied);
    let own = Origin { position: Position { segment: 2, offset: 127 }, index: 5 };
    is_read(&by_hand(b"FWCHECK3", b""), own);
    is_read(&by_hand(b"FWCHECK2", b""), own);
}

fn is_read(bytes: &[u8], origin: Origin) {
    let disk = FakeDisk::default();
    disk.put("checkpoint-00000000000000000009", bytes.to_vec());
    let (checkpoint, tables, gates) = Checkpoint::open(&disk, "checkpoint-00000000000000000009").unwrap();
    assert_eq!(checkpoint.mark, Mark { segment: 2, offset: 64, lsn: 9, chain: 7 });
    assert_eq!(checkpoint.last, Some(Position { segment: 1, offset: 127 }));
    let (mut pending, mut names) = (Vec::new(), Vec::new());
    let sort = &mut |item| match item {
        Item::Pending(entry) => pending.push(entry),
        Item::Name(entry) => names.push(entry),
    };
    checkpoint.read(sort).unwrap();
    assert_eq!(pending, pending_by_hand(origin));
    assert_eq!((gates.skipped.duplicate, gates.skipped.outside_hours), (1, 300));
    assert_eq!(gates.entries(Timestamp::MIN).map(|(_, kept)| kept).collect::<Vec<_>>(), gates_by_hand());
    let (id, text) = (ShortId::Uuid(u128::from_be_bytes([0xab; 16])), ShortId::Text("d".into()));
    let name = NameEntry {
        workspace: 0,
        key: Some("key".into()),
        app_chose_id: true,
        body_hash: [5; 32],
        event: EventId::from_text("e1"),
        deliveries: vec![id, text],
        at: at(1),
    };
    assert_eq!(names, [name]);
    assert_eq!(tables.connection_of(0), Some(&(0, ConnectionId::from_text("con"))));
    let terms = tables.terms_of(0).unwrap();
    assert_eq!((terms.attempts, terms.growth_thousandths, terms.weight), (3, 1500, 4));
    assert_eq!(terms.longest_wait, Duration::from_secs(2));
}
