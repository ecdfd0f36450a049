using Microsoft.Extensions.Logging;
using OrleansLLM.Sequences;

namespace OrleansLLM.Engine;

/// <summary>
/// What a step publishes, sorted by sink: one outbox a sink, as long as sequences publish there. A sink that throws loses its step, the others
/// do not. Not thread safe: the step's thread owns it.
/// </summary>
internal sealed class StepOutboxes(ILogger logger)
{
    private readonly Dictionary<IStepSink, StepOutbox> _outboxes = [];
    private StepOutbox? _spare;

    public StepOutbox Of(IStepSink sink)
    {
        if (!_outboxes.TryGetValue(sink, out var outbox))
        {
            outbox = _spare ?? new StepOutbox { Sink = sink };
            (outbox.Sink, _spare) = (sink, null);
            _outboxes.Add(sink, outbox);
        }

        return outbox;
    }

    /// <summary>Hands every sink its part of the step.</summary>
    public void Publish()
    {
        foreach (var (sink, outbox) in _outboxes)
        {
            try
            {
                outbox.Publish();
            }
#pragma warning disable CA1031 // a sink that throws loses its step, the others do not
            catch (Exception exception)
#pragma warning restore CA1031
            {
                logger.LogSinkFailed(exception);
                outbox.Drop();
            }

            if (outbox.Sequences == 0)
            {
                _outboxes.Remove(sink);
                _spare = outbox;
            }
        }
    }
}
