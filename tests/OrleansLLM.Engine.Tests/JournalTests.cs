using OrleansLLM.Sequences;

namespace OrleansLLM.Engine.Tests;

/// <summary>The journal is the whole state of a sequence: what the logs hold, as bytes, goes on anywhere as if nothing had happened.</summary>
public sealed class JournalTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(9)]
    [InlineData(17)]
    public void What_the_logs_hold_goes_on_with_the_same_tokens_on_another_engine(int stepsBeforeDeath)
    {
        using var unbroken = new CoreFixture(CoreFixture.Options(100), [0, 6]);
        using var logs = new SequenceLogs(new SequenceLogOptions(), TimeProvider.System, _ => { });
        var request = CoreFixture.Request([1, 2, 3, 4, 5, 6, 7], 30) with
        {
            Samples = 3,
            StopTokenIds = [8, 9, 10],
            MinTokens = 12,
            Sampling = new SamplingParameters { Seed = 11, Temperature = 0.9f, RepetitionPenalty = 1.2f, FrequencyPenalty = 0.3f, BadWords = [[4, 5]] },
        };
        var ids = unbroken.Submit(request);
        Assert.Equal(OpenResult.Opened, logs.Open(request, ids, new Epoch(1)));
        for (var step = 0; step < stepsBeforeDeath; step++)
        {
            if (step == 4)
            {
                Change(ids[1], new SequenceChange(24, Sampling: new SamplingParameters { Seed = 12, TopK = 9, PresencePenalty = 1 }));
            }

            unbroken.Step();
            Log();
        }

        var bytes = JournalFormat.Write(new Journal(request, [.. ids.Select(id => logs.JournalOf(id)!)]));
        unbroken.RunToRest();

        var journal = JournalFormat.Read(bytes);
        using var other = new CoreFixture(CoreFixture.Options(100), [0, 6]);
        other.Submit(new Attempt(journal.Request, new Epoch(2L << 32), [.. journal.Sequences.Where(sequence => sequence.End is null)]));
        other.RunToRest();
        foreach (var sequence in journal.Sequences)
        {
            var tokens = sequence.End is null ? other.Answers[sequence.Id].Tokens : [.. request.PromptIds.ToArray(), .. sequence.Output.ToArray()];
            Assert.Equal(unbroken.Answers[sequence.Id].Tokens, tokens);
        }

        void Change(SequenceId id, SequenceChange change)
        {
            logs.Note(id, new JournalChange(unbroken.Change(id, change)!.Value, change));
        }

        void Log()
        {
            foreach (var id in ids)
            {
                var answer = unbroken.Answers[id];
                for (var position = logs.Describe(id)!.Tokens; position < answer.Tokens.Count; position++)
                {
                    var end = position + 1 == answer.Tokens.Count ? answer.End : null;
                    Assert.Equal(AppendResult.Appended, logs.Append(new StepEntry(id, new Epoch(1), position, answer.Tokens[position], null, null, 0, end)));
                }
            }
        }
    }
}
