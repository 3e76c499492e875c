//! The resolver, and where names lead.

use std::net::IpAddr;
use std::time::Duration;

use assay_harness::observatory::{DnsAnswer, Observatory};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use super::{GET, Ground, addresses, question, within};

#[tokio::test]
async fn a_name_resolves_over_udp_and_tcp_with_a_time_to_live_of_0() {
    let ground = Ground::new();
    let host = ground.host("api");
    let answer = ground.ask(host.name(), RecordType::A).await;
    assert_eq!(addresses(&answer), [host.address()]);
    assert_eq!(answer.answers[0].ttl, 0);
    assert_eq!(addresses(&ground.ask_over_tcp(host.name(), RecordType::A).await), [host.address()]);
    assert!(ground.ask(host.name(), RecordType::AAAA).await.answers.is_empty());
    let seen: Vec<(String, &str)> = host.queries().into_iter().map(|query| (query.kind, query.over)).collect();
    assert_eq!(seen, [("A".to_owned(), "udp"), ("A".to_owned(), "tcp"), ("AAAA".to_owned(), "udp")]);
}

#[tokio::test]
async fn a_name_is_found_in_any_case() {
    let ground = Ground::new();
    let host = ground.host("api");
    let answer = ground.ask(&host.name().to_uppercase(), RecordType::A).await;
    assert_eq!(addresses(&answer), [host.address()]);
    // The question comes back as it was asked: clients that mix the case compare it.
    assert_eq!(answer.queries[0].name().to_ascii(), format!("{}.", host.name().to_uppercase()));
}

#[tokio::test]
async fn answers_come_in_turn_and_the_last_one_stays() {
    let ground = Ground::new();
    let (host, decoy) = (ground.host("api"), ground.watch.decoy("decoy").unwrap());
    let v6: IpAddr = "::1".parse().unwrap();
    host.resolves_to(vec![DnsAnswer::one(host.address()), DnsAnswer::Addresses(vec![decoy.address(), v6])]);
    for expected in [host.address(), decoy.address(), decoy.address()] {
        assert_eq!(addresses(&ground.ask(host.name(), RecordType::A).await), [expected]);
    }
    // Questions for IPv6 have turns of their own.
    assert!(addresses(&ground.ask(host.name(), RecordType::AAAA).await).is_empty());
    assert_eq!(addresses(&ground.ask(host.name(), RecordType::AAAA).await), [v6]);
}

#[tokio::test]
async fn an_alias_comes_with_what_it_leads_to() {
    let ground = Ground::new();
    let (host, other) = (ground.host("api"), ground.host("other"));
    host.resolves_to(vec![DnsAnswer::Alias(other.name().to_owned())]);
    let answer = ground.ask(host.name(), RecordType::A).await;
    assert_eq!(answer.answers[0].record_type(), RecordType::CNAME);
    assert_eq!(addresses(&answer), [other.address()]);
    assert!(other.queries().is_empty(), "nobody asked for it");
}

#[tokio::test]
async fn a_resolver_can_fail_in_every_way() {
    let ground = Ground::new();
    let host = ground.host("api");
    let (host, ground) = (&host, &ground);
    let code = |answer| async move {
        host.resolves_to(vec![answer]);
        ground.ask(host.name(), RecordType::A).await.metadata.response_code
    };
    assert_eq!(code(DnsAnswer::NxDomain).await, ResponseCode::NXDomain);
    assert_eq!(code(DnsAnswer::ServFail).await, ResponseCode::ServFail);
    assert_eq!(code(DnsAnswer::Empty).await, ResponseCode::NoError);
    let late = DnsAnswer::After(Duration::from_millis(5), Box::new(DnsAnswer::NxDomain));
    assert_eq!(code(late).await, ResponseCode::NXDomain);
}

#[tokio::test]
async fn silence_is_noted_and_holds_nobody_up() {
    let ground = Ground::new();
    let (host, other) = (ground.host("api"), ground.host("other"));
    host.resolves_to(vec![DnsAnswer::Silence]);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&question(host.name(), RecordType::A), ground.dns).await.unwrap();
    host.query_number(1).await.unwrap();
    assert_eq!(addresses(&ground.ask(other.name(), RecordType::A).await), [other.address()]);
}

#[tokio::test]
async fn an_answer_too_long_for_udp_is_the_same_over_tcp() {
    let ground = Ground::new();
    let host = ground.host("api");
    let many: Vec<IpAddr> = (0..100).map(|last| IpAddr::from([127, 77, 250, last])).collect();
    host.resolves_to(vec![DnsAnswer::Addresses(many.clone()), DnsAnswer::NxDomain]);
    assert!(ground.ask(host.name(), RecordType::A).await.metadata.truncation);
    assert_eq!(addresses(&ground.ask_over_tcp(host.name(), RecordType::A).await), many);
}

#[tokio::test]
async fn a_name_that_nobody_registered_is_noted_by_name() {
    let ground = Ground::new();
    let name = ground.watch.name("nobody");
    let answer = ground.ask(&name, RecordType::A).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(ground.watch.stray_queries(&name).len(), 1);
    assert!(ground.watch.stray_queries("another.test").is_empty());
}

#[tokio::test]
async fn names_end_with_the_check() {
    let ground = Ground::new();
    let later = ground.observatory.watch("n2", std::time::Instant::now() + Duration::from_secs(60));
    let host = later.host("api").unwrap();
    let (name, place) = (host.name().to_owned(), host.addr());
    assert!(later.host("api").is_err(), "a name is registered once");
    drop((later, host));
    let answer = ground.ask(&name, RecordType::A).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    // The listener's task ends soon, not at once.
    within(async { while TcpStream::connect(place).await.is_ok() {} }).await;
}

#[tokio::test]
async fn loopback_itself_is_watched_and_counts_for_the_name_that_was_wanted() {
    let ground = Ground::new();
    let host = ground.host("api");
    let port = ground.watch.port();
    let mut places = vec![format!("127.0.0.1:{port}")];
    if TcpStream::connect(format!("[::1]:{port}")).await.is_ok() {
        places.push(format!("[::1]:{port}"));
    }
    for (index, place) in places.iter().enumerate() {
        let mut stream = ground.connect(host.name(), place.parse().unwrap()).await.unwrap();
        stream.write_all(GET).await.unwrap();
        let seen = host.request_number(index + 1).await.unwrap();
        assert_eq!(host.connections()[index].to.to_string(), *place);
        assert_eq!(seen.connection, host.connections()[index].number);
    }
    let stranger = ground.connect("nobody.assay.test", places[0].parse().unwrap()).await;
    assert!(stranger.is_err());
    assert_eq!(host.connections().len(), places.len());
}

#[tokio::test]
async fn at_a_port_of_its_own_a_name_sees_whoever_connects_to_this_machine_and_says_nothing() {
    let ground = Ground::new();
    let (host, other) = (ground.host("api"), ground.host("other"));
    let port = host.port_everywhere().unwrap();
    let mut places = vec![format!("127.0.0.1:{port}"), format!("0.0.0.0:{port}"), format!("{}:{port}", host.address())];
    if TcpStream::connect(format!("[::1]:{}", ground.watch.port())).await.is_ok() {
        places.extend([format!("[::1]:{port}"), format!("[::]:{port}"), format!("[::ffff:127.0.0.1]:{port}")]);
    }
    for (index, place) in places.iter().enumerate() {
        drop(TcpStream::connect(place).await.unwrap());
        host.connection_number(index + 1).await.unwrap();
    }
    assert!(!other.was_reached());
    assert_ne!(other.port_everywhere().unwrap(), port);
}

#[tokio::test]
async fn a_decoy_serves_and_tells_who_was_wanted() {
    let ground = Ground::new();
    let (host, decoy) = (ground.host("api"), ground.watch.decoy("decoy").unwrap());
    assert!(!decoy.was_noticed());
    let mut stream = ground.connect(host.name(), decoy.addr()).await.unwrap();
    stream.write_all(GET).await.unwrap();
    decoy.request_number(1).await.unwrap();
    assert_eq!(decoy.handshakes()[0].sni.as_deref(), Some(host.name()));
    assert!(decoy.was_reached() && !host.was_reached());
    let mapped: std::net::SocketAddr = format!("[::ffff:{}]:{}", decoy.address(), decoy.port()).parse().unwrap();
    if TcpStream::connect(mapped).await.is_ok() {
        decoy.connection_number(2).await.unwrap();
    }
}

#[tokio::test]
async fn addresses_can_refuse_and_hang() {
    let ground = Ground::new();
    let host = ground.host("api");
    let port = ground.watch.port();
    let refused = TcpStream::connect((ground.watch.refusing_address(), port)).await;
    assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    let silent = ground.watch.silent_address().await.unwrap();
    let hangs = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect((silent, port))).await;
    assert!(hangs.is_err(), "{hangs:?}");
    let further = host.further_address().unwrap();
    ground.connect(host.name(), (further, port).into()).await.unwrap();
    assert_eq!(host.connections()[0].to.ip(), further);
}

#[tokio::test]
async fn a_name_can_serve_at_a_second_port() {
    let ground = Ground::new();
    let host = ground.host("api");
    let further = host.further_port().unwrap();
    assert_ne!(further, host.port());
    for (number, port) in [(1, host.port()), (2, further)] {
        let mut stream = ground.connect(host.name(), (host.address(), port).into()).await.unwrap();
        stream.write_all(GET).await.unwrap();
        let seen = host.request_number(number).await.unwrap();
        let known = host.connections().into_iter().find(|known| known.number == seen.connection).unwrap();
        assert_eq!(known.to.port(), port);
    }
    assert_eq!(ground.watch.resolver(), ground.dns);
}

#[tokio::test]
async fn the_proxy_resolves_the_names_and_passes_bytes_on() {
    let folder = tempfile::tempdir().unwrap();
    let kept = assay_harness::observatory::Kept::open(folder.path()).unwrap();
    let proxy = kept.proxy().1.strip_prefix("http://").unwrap().to_owned();
    let ground = Ground::of(Observatory::start_kept(kept).unwrap());
    let host = ground.host("api");
    let mut stream = TcpStream::connect(&proxy).await.unwrap();
    let connect = format!("CONNECT {0}:{1} HTTP/1.1\r\nhost: {0}:{1}\r\n\r\n", host.name(), host.port());
    stream.write_all(connect.as_bytes()).await.unwrap();
    let mut head = [0; 26];
    stream.read_exact(&mut head).await.unwrap();
    assert!(head.starts_with(b"HTTP/1.1 200"));
    // What follows is TLS for the origin.
    let name = rustls::pki_types::ServerName::try_from(host.name().to_owned()).unwrap();
    let connector = tokio_rustls::TlsConnector::from(ground.client.clone());
    let mut stream = connector.connect(name, stream).await.unwrap();
    stream.write_all(GET).await.unwrap();
    host.request_number(1).await.unwrap();
    assert_eq!(host.queries()[0].over, "proxy");
    let refused = assay_harness::observatory::Kept::open(folder.path()).and_then(Observatory::start_kept).unwrap_err();
    assert!(refused.contains("another folder"), "{refused}");
}

#[tokio::test]
async fn the_proxy_answers_as_late_as_the_resolver() {
    let ground = Ground::new();
    let (host, place) = (ground.host("api"), ground.observatory.proxy().1.replace("http://", ""));
    let connect = format!("CONNECT {}:{} HTTP/1.1\r\n\r\n", host.name(), host.port());
    for (answer, expected) in [
        (DnsAnswer::Silence, None),
        (DnsAnswer::After(Duration::from_secs(60), Box::new(DnsAnswer::one(host.address()))), None),
        (DnsAnswer::After(Duration::from_millis(1), Box::new(DnsAnswer::one(host.address()))), Some(b"HTTP/1.1 200")),
        (DnsAnswer::NxDomain, Some(b"HTTP/1.1 502")),
    ] {
        host.resolves_to(vec![answer]);
        let mut stream = TcpStream::connect(&place).await.unwrap();
        stream.write_all(connect.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        match expected {
            Some(expected) => {
                within(stream.read_exact(&mut head)).await.unwrap();
                assert_eq!(&head, expected);
            }
            None => {
                let read = tokio::time::timeout(Duration::from_millis(50), stream.read_exact(&mut head)).await;
                assert!(read.is_err(), "the proxy answered {head:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_name_serves_at_the_default_port_where_the_machine_allows_it() {
    let ground = Ground::new();
    let host = ground.host("api");
    let place = (host.address(), 443);
    match host.at_the_default_port() {
        Ok(true) => {
            let mut stream = ground.connect(host.name(), place.into()).await.unwrap();
            stream.write_all(GET).await.unwrap();
            host.request_number(1).await.unwrap();
            assert_eq!(host.connections()[0].to, place.into());
        }
        Ok(false) => assert!(TcpStream::connect(place).await.is_err()),
        Err(stop) => assert!(TcpStream::connect(place).await.is_ok(), "{}", stop.reason()),
    }
}
