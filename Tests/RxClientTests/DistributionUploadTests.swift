import RxModel
import Testing

@testable import RxClient

@Suite struct `The way of a blob into a repository` {
    func upload(_ size: Int, chunk: Int = 10, shortest: Int = 1) -> BlobUpload { BlobUpload(size: size, chunk: chunk, shortest: shortest) }

    @Test func `a short blob goes in one piece`() {
        var upload = upload(10)
        #expect(upload.step == .begin)
        upload.began(minimum: nil)
        #expect(upload.step == .sendWhole)
        #expect(outcome(upload.accepted(held: nil)))
        #expect(upload.step == .done)
    }

    @Test func `a long blob goes in chunks that are not too short`() {
        var upload = upload(25)
        upload.began(minimum: 12)
        for range in [0..<12, 12..<24, 24..<25] {
            #expect(upload.step == .send(range))
            #expect(outcome(upload.accepted(held: range.upperBound)))
        }
        #expect(upload.step == .close)
        #expect(outcome(upload.accepted(held: nil)))
        #expect(upload.step == .done)
    }

    @Test func `no shortest chunk is longer than the blob`() {
        var upload = upload(25)
        upload.began(minimum: .max)
        #expect(upload.step == .send(0..<25))
        #expect(outcome(upload.accepted(held: 4)))
        #expect(upload.step == .send(4..<25))
    }

    @Test func `a session that took a part of a chunk gets the rest`() {
        var upload = upload(20)
        upload.began(minimum: nil)
        #expect(outcome(upload.accepted(held: 4)))
        #expect(upload.step == .send(4..<14))
        #expect(outcome(!upload.accepted(held: 15)), "it cannot have more than it was sent")
    }

    @Test func `after a lost connection the session says where to go on`() {
        var upload = upload(20)
        upload.began(minimum: nil)
        upload.lost()
        #expect(upload.step == .status)
        upload.lost()
        #expect(upload.step == .status)
        upload.learned(held: 7)
        #expect(upload.step == .send(7..<17))
        upload.lost()
        upload.learned(held: 1)
        #expect(upload.step == .send(0..<10), "0-0 may say that there is nothing")
        upload.lost()
        upload.learned(held: nil)
        #expect(upload.step == .begin)
        upload.began(minimum: nil)
        upload.lost()
        upload.learned(held: 20)
        #expect(upload.step == .close)
        upload.lost()
        #expect(upload.step == .look)
        upload.looked(false)
        #expect(upload.step == .status)
        upload.learned(held: 21)
        #expect(upload.step == .begin, "a session with too much is none")
    }

    @Test func `a lost whole is looked for, then sent again`() {
        var upload = upload(10)
        upload.began(minimum: nil)
        upload.lost()
        #expect(upload.step == .look)
        var found = upload
        found.looked(true)
        #expect(found.step == .done)
        upload.looked(false)
        #expect(upload.step == .begin)
    }

    @Test func `what is refused in one piece goes in chunks`() {
        var upload = upload(10)
        upload.began(minimum: nil)
        #expect(outcome(upload.refused(.way)))
        #expect(upload.step == .begin)
        upload.began(minimum: nil)
        #expect(upload.step == .send(0..<10))
        #expect(outcome(!upload.refused(.way)))
        #expect(outcome(!upload.refused(.final)))
    }

    @Test func `what is too much at once goes in shorter pieces`() {
        var upload = upload(1000, chunk: 1000, shortest: 10)
        upload.began(minimum: nil)
        for length in [125, 15, 10] {
            #expect(outcome(upload.refused(.length)))
            upload.began(minimum: nil)
            #expect(upload.step == .send(0..<length))
        }
        #expect(outcome(!upload.refused(.length)))
    }

    @Test func `a refused place is asked for, a session that is gone begins anew`() {
        var upload = upload(20)
        upload.began(minimum: nil)
        #expect(outcome(upload.refused(.range)))
        #expect(upload.step == .status)
        upload.learned(held: 10)
        #expect(outcome(upload.refused(.gone)))
        #expect(upload.step == .begin)
        upload.began(minimum: nil)
        #expect(outcome(upload.accepted(held: nil)))
        #expect(outcome(upload.accepted(held: nil)))
        #expect(upload.step == .close)
        var other = upload
        #expect(outcome(other.refused(.gone)))
        #expect(other.step == .look)
        #expect(outcome(upload.refused(.range)))
        #expect(upload.step == .begin)
    }

    @Test func `nothing at all is sent whole`() {
        var upload = upload(0)
        upload.began(minimum: 5)
        #expect(upload.step == .sendWhole)
        #expect(outcome(upload.refused(.way)))
        upload.began(minimum: 5)
        #expect(upload.step == .close)
    }

    @Test(
        arguments: [
            (416, nil, .range), (404, "BLOB_UPLOAD_UNKNOWN", .gone), (404, "NAME_UNKNOWN", .final), (413, nil, .length),
            (400, "DIGEST_INVALID", .final), (400, "BLOB_UPLOAD_INVALID", .way), (400, nil, .way), (405, "UNSUPPORTED", .way),
            (411, nil, .way),
            (403, "DENIED", .final), (500, nil, .final), (507, nil, .final),
        ] as [(Int, String?, BlobUpload.Refusal)])
    func `a refusal is told by status and code`(_ status: Int, _ code: String?, _ expected: BlobUpload.Refusal) {
        #expect(BlobUpload.Refusal(status: status, code: code) == expected)
    }
}
