using System.Buffers;
using Microsoft.Extensions.Time.Testing;
using OrleansLLM.Sequences;

namespace OrleansLLM.Cluster.Tests;

public sealed class AttemptCopiesTests
{
    private static readonly GatewayMessage Gateway = new("gateway", "127.0.0.1:1@2");
    private static readonly GatewayMessage Other = new("other", "127.0.0.1:1@3");

    private readonly FakeTimeProvider _time = new();
    private readonly AttemptCopies _copies;
    private readonly GenerationRequest _request = new() { Id = RequestId.Create(), Model = "model", PromptIds = new[] { 1, 2, 3 }, MaxTokens = 9, Samples = 2 };

    public AttemptCopiesTests() => _copies = new AttemptCopies(_time);

    private SequenceId First => new(_request.Id, 0);

    private SequenceId Second => new(_request.Id, 1);

    [Fact]
    public void A_copy_holds_what_was_published_of_its_attempt_once_and_in_order()
    {
        Begin();
        Append(Token(First, 3, 50), Token(Second, 3, 60), Token(First, 4, 51));
        Append(Token(First, 4, 51), Token(First, 6, 53), Token(First, 5, 52, epoch: 2), Token(new SequenceId(RequestId.Create(), 0), 3, 1));
        Append(Token(First, 5, 52));

        Assert.Equal([50, 51, 52], TokensOf(First));
        Assert.Equal([60], TokensOf(Second));
        Assert.All(_copies.Of(_request.Id), copy => Assert.Equal((3, null), (copy.PromptLength, copy.End)));
    }

    [Fact]
    public void A_later_attempt_takes_the_place_of_the_earlier_with_what_that_had_published()
    {
        Begin();
        Append(Token(First, 3, 50));
        Begin(epoch: 2, Token(First, 3, 50, epoch: 2), Token(First, 4, 51, epoch: 2));
        Begin(epoch: 1);
        Begin(epoch: 2);
        Append(Token(First, 5, 66), Token(First, 5, 52, epoch: 2));

        Assert.Equal([50, 51, 52], TokensOf(First));
        Assert.All(_copies.Of(_request.Id), copy => Assert.Equal(2, copy.Attempt.Epoch.Value));
    }

    [Fact]
    public void A_fork_begins_with_its_parents_tokens_and_inside_the_prompt_with_a_shorter_one()
    {
        Begin();
        Append(Token(First, 3, 50), Token(First, 4, 51), Token(First, 5, 52));
        SequenceId[] children = [new(_request.Id, 2), new(_request.Id, 3)];
        _copies.Fork(new ForkMessage(5, [children[0]], IdOf(First)));
        _copies.Fork(new ForkMessage(2, [children[1]], IdOf(First)));
        Append(Token(children[0], 5, 70), Token(children[1], 2, 80));

        Assert.Equal([50, 51, 70], TokensOf(children[0]));
        Assert.Equal([80], TokensOf(children[1]));
        Assert.Equal(2, CopyOf(children[1]).PromptLength);
    }

    [Fact]
    public void A_fork_is_changed_as_its_parent_was_in_this_attempt_and_in_earlier_ones()
    {
        var (earlier, now) = (new JournalChange(3, new SequenceChange(MaxTokens: 7)), new JournalChange(5, new SequenceChange(Priority: 2)));
        var journal = JournalMessage.From(new Journal(_request, [new JournalSequence(First, new[] { 50 }, [earlier], null)]));
        _copies.Begin(new AttemptMessage(journal, Gateway, Epoch: 1, Incarnation: 1, Written(Token(First, 3, 50))));
        _copies.Note(IdOf(First), new NotedChangeMessage(now.Position, JournalFormat.WriteChange(now.Change)));
        SequenceId[] children = [new(_request.Id, 2), new(_request.Id, 3)];
        _copies.Fork(new ForkMessage(4, [children[0]], IdOf(First)));
        _copies.Fork(new ForkMessage(4, [children[1]], IdOf(children[0])));

        JournalChange[] expected = [earlier, now with { Position = 4 }];
        Assert.All(children, child => Assert.Equal(
            expected, CopyOf(child).Changes.Select(change => new JournalChange(change.Position, JournalFormat.ReadChange(change.Change)))));
    }

    [Fact]
    public void Changes_and_the_gateways_end_stand_in_the_copy_and_nothing_behind_the_end()
    {
        Begin();
        var change = new NotedChangeMessage(4, [1, 2]);
        _copies.Note(IdOf(First), change);
        _copies.Note(IdOf(First, epoch: 2), new NotedChangeMessage(5, [3]));
        Append(Token(First, 3, 50));
        _copies.End(new AttemptEndMessage(IdOf(First), new EndReply(FinishReason.Stop, null, null), 3));
        Append(Token(First, 4, 51));

        var copy = CopyOf(First);
        Assert.Equal([change], copy.Changes);
        Assert.Equal((FinishReason.Stop, 3), (copy.End!.Reason, copy.EndMark!.Value));
        Assert.Equal([50], TokensOf(First));
        _time.Advance(AttemptCopies.Retention + TimeSpan.FromTicks(1));
        _copies.RequestsOf(Gateway.Address);
        Assert.Equal(Second, Assert.Single(_copies.Of(_request.Id)).Attempt.Sequence);
    }

    [Fact]
    public void An_ended_copy_is_kept_for_a_minute_and_a_running_one_for_as_long_as_it_runs()
    {
        Begin();
        Append(Token(First, 3, 50) with { End = new SequenceEnd(FinishReason.Length) });
        _time.Advance(AttemptCopies.Retention);
        Assert.Equal([_request.Id], _copies.RequestsOf(Gateway.Address));
        Assert.Equal(2, _copies.Of(_request.Id).Count);
        _time.Advance(TimeSpan.FromTicks(1));
        _copies.RequestsOf(Gateway.Address);
        Assert.Equal(Second, Assert.Single(_copies.Of(_request.Id)).Attempt.Sequence);
    }

    [Fact]
    public void Another_gateway_gets_what_it_lacks_and_the_request_is_its()
    {
        Begin();
        Append(Token(First, 3, 50), Token(First, 4, 51), Token(First, 5, 52));

        Assert.Equal([51, 52], Read(_copies.Redirect(new RedirectMessage(IdOf(First), Other, 4))).Select(entry => entry.Token!.Value));
        Assert.Equal([_request.Id], _copies.RequestsOf(Other.Address));
        _copies.Redirect(new RedirectMessage(IdOf(Second), Other, 3));
        Assert.Empty(_copies.RequestsOf(Gateway.Address));
        Assert.Empty(_copies.Redirect(new RedirectMessage(IdOf(First, epoch: 2), Other, 0)));
    }

    [Fact]
    public void A_copy_tells_how_old_its_attempt_is()
    {
        Begin();
        _time.Advance(TimeSpan.FromSeconds(7));
        Assert.Equal(TimeSpan.FromSeconds(7), CopyOf(First).Age);
    }

    [Fact]
    public void An_attempt_that_was_refused_has_no_copy()
    {
        Begin();
        _copies.Drop(IdOf(First, epoch: 2));
        _copies.Drop(IdOf(Second));
        Assert.Equal(First, Assert.Single(_copies.Of(_request.Id)).Attempt.Sequence);
    }

    [Fact]
    public void Beyond_the_bound_ended_copies_go_first_and_then_nothing_new_is_copied()
    {
        var large = new byte[AttemptCopies.MostBytes / 2];
        var request = _request with { Samples = 1 };
        var first = SubmitLarge();
        _copies.End(new AttemptEndMessage(new AttemptId(new SequenceId(first, 0), new Epoch(1)), null, null));
        var second = SubmitLarge();
        Assert.Single(_copies.Of(first));
        var third = SubmitLarge();
        Assert.Empty(_copies.Of(first));
        var fourth = SubmitLarge();
        Assert.Equal([1, 1, 0], new[] { second, third, fourth }.Select(id => _copies.Of(id).Count));

        RequestId SubmitLarge()
        {
            var id = RequestId.Create();
            var message = new JournalMessage([.. JournalFormat.Write(Journal.Begin(request with { Id = id, PromptIds = new int[large.Length / sizeof(int)] }))]);
            _copies.Begin(new AttemptMessage(message, Gateway, Epoch: 1, Incarnation: 1, []));
            return id;
        }
    }

    private void Begin(long epoch = 1, params StepEntry[] published) => _copies.Begin(
        new AttemptMessage(JournalMessage.From(Journal.Begin(_request)), Gateway, epoch, Incarnation: 1, Written(published)));

    private void Append(params StepEntry[] entries) => _copies.Append(Written(entries));

    private CopyMessage CopyOf(SequenceId sequence) => _copies.Of(_request.Id).Single(copy => copy.Attempt.Sequence == sequence);

    private IEnumerable<int> TokensOf(SequenceId sequence) => Read(CopyOf(sequence).Entries).Select(entry => entry.Token!.Value);

    private static List<StepEntry> Read(byte[] entries) => StepFormatTests.Read(entries);

    private static AttemptId IdOf(SequenceId sequence, long epoch = 1) => new(sequence, new Epoch(epoch));

    private static StepEntry Token(SequenceId sequence, int position, int token, long epoch = 1) =>
        new(sequence, new Epoch(epoch), position, token, null, null, 0, null);

    private static byte[] Written(params StepEntry[] entries)
    {
        var bytes = new ArrayBufferWriter<byte>();
        foreach (var entry in entries)
        {
            StepFormat.Append(bytes, entry);
        }

        return bytes.WrittenSpan.ToArray();
    }
}
