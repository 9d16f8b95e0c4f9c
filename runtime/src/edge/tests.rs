//! What a mailbox promises to one thread and to several of the system's; `tests/model` has the rest.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::{Closed, Mailbox, Rest};

#[test]
fn what_is_put_in_comes_out_in_order() {
    let mailbox = Mailbox::default();
    mailbox.put([1, 2], false).unwrap();
    mailbox.put([], true).unwrap();
    mailbox.put([3], true).unwrap();
    assert_eq!(mailbox.take(), [1, 2, 3]);
    assert!(mailbox.take().is_empty());
}

#[test]
fn closing_gives_what_is_left_and_lets_nothing_in() {
    let mailbox = Mailbox::default();
    mailbox.put(["left".to_owned()], false).unwrap();
    assert_eq!(mailbox.close(), ["left"]);
    assert_eq!(mailbox.put(["late".to_owned(), "later".to_owned()], true), Err(Closed));
    assert!(mailbox.take().is_empty());
    assert!(mailbox.rest(Rest::Idle, None), "a closed one lets nobody sleep");
    assert!(mailbox.close().is_empty());
    assert_eq!(mailbox.put(["late".to_owned()], true), Err(Closed));
}

#[test]
fn what_is_not_urgent_lets_a_reader_doze() {
    let mailbox = Arc::new(Mailbox::default());
    let moment = Duration::from_millis(20);
    assert!(!mailbox.rest(Rest::Idle, Some(moment)));
    let writer = Arc::clone(&mailbox);
    let puts = thread::spawn(move || {
        thread::sleep(moment);
        writer.put([1], false).unwrap();
    });
    assert!(!mailbox.rest(Rest::Dozing, Some(10 * moment)), "nothing urgent came");
    puts.join().unwrap();
    assert_eq!(mailbox.take(), [1]);
    let writer = Arc::clone(&mailbox);
    let puts = thread::spawn(move || {
        writer.put([2], false).unwrap();
        writer.put([3], true).unwrap();
    });
    let mut had = Vec::new();
    while had.last() != Some(&3) {
        mailbox.rest(Rest::Dozing, None);
        had.extend(mailbox.take());
    }
    puts.join().unwrap();
    assert_eq!(had, [2, 3]);
}

#[test]
fn many_put_in_and_nothing_is_lost() {
    const EACH: usize = 20_000;
    let mailbox = Arc::new(Mailbox::default());
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let mailbox = Arc::clone(&mailbox);
            thread::spawn(move || {
                for number in 0..EACH {
                    mailbox.put([(writer, number)], number % 7 == 0).unwrap();
                }
            })
        })
        .collect();
    let mut next = [0; 4];
    while next.iter().sum::<usize>() < 4 * EACH {
        mailbox.rest(Rest::Idle, Some(Duration::from_secs(10)));
        for (writer, number) in mailbox.take() {
            assert_eq!(number, next[writer]);
            next[writer] += 1;
        }
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}
