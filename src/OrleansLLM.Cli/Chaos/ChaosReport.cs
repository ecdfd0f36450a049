using System.Text;
using OrleansLLM.Cli.Bench;
using static System.FormattableString;

namespace OrleansLLM.Cli.Chaos;

/// <summary>What became of the sequences, and how long those stood still that were hit. Any thread may add.</summary>
internal sealed class ChaosReport
{
    private readonly Lock _lock = new();
    private readonly int[] _verdicts = new int[Enum.GetValues<Verdict>().Length];
    private readonly List<Fault> _faults = [];
    private long _delivered;
    private TokenCounts _kept;
    private TokenCounts _broken;

    /// <summary>Nothing was lost, came twice, was wrong or failed, and every process did as it should.</summary>
    public bool IsClean => _verdicts.Skip(1).Sum() == 0 && _faults.All(fault => fault.Problem is null);

    /// <summary>Whether it is what came undisturbed.</summary>
    public bool Add(ChaosAnswer answer, ChaosAnswer undisturbed)
    {
        var verdicts = answer.Compare(undisturbed);
        lock (_lock)
        {
            foreach (var verdict in verdicts)
            {
                _verdicts[(int)verdict]++;
            }

            _delivered += answer.Tokens;
        }

        return verdicts.All(verdict => verdict == Verdict.Same);
    }

    /// <summary>The line of a fault.</summary>
    public string Add(Fault fault, int of, TimeSpan elapsed)
    {
        lock (_lock)
        {
            _faults.Add(fault);
            var problem = fault.Problem is null ? "" : $"; PROBLEM: {fault.Problem}";
            return Invariant(
                $"{_faults.Count,3}/{of}  {elapsed.TotalSeconds,6:F1} s  {fault.Silo} {Word(fault.Kind)}, {fault.Held} sequences; {Gaps(fault.GapMilliseconds())}; two copies {fault.Copying.TotalSeconds:F1} s after it was back{problem}");
        }
    }

    /// <param name="kept">Of workers that lived to the end or were stopped.</param>
    /// <param name="broken">Of those that were killed or hung, as they last said.</param>
    public void Count(TokenCounts kept, TokenCounts broken) => (_kept, _broken) = (kept, broken);

    /// <summary>A table of the kinds of faults, and the line that counts.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var kind in _faults.GroupBy(fault => (fault.Role, fault.Kind)).OrderBy(kind => kind.Key))
        {
            var gaps = kind.SelectMany(fault => fault.GapMilliseconds()).ToList();
            text.AppendLine(Invariant(
                $"{kind.Key.Role.ToString().ToLowerInvariant() + " " + Word(kind.Key.Kind),-16} {kind.Count(),3} times, {gaps.Count,5} sequences hit; {Gaps(gaps)}"));
        }

        var sampled = _kept.Sampled + _broken.Sampled;
        text.AppendLine(Invariant(
            $"{_verdicts.Sum()} sequences, {_verdicts[(int)Verdict.Same]} the same as undisturbed; {_kept.Recomputed + _broken.Recomputed} tokens of prompts and answers computed again; {_broken.Sampled} tokens sampled by workers that were killed or hung, as they last said"));
        text.Append(Invariant(
            $"lost {Count(Verdict.Lost)}, duplicate {Count(Verdict.Duplicate)}, wrong {Count(Verdict.Wrong)}, failed {Count(Verdict.Failed) + _faults.Count(fault => fault.Problem is not null)}, "));
        text.Append(Invariant(
            $"{Gaps([.. _faults.SelectMany(fault => fault.GapMilliseconds())])}, sampled / delivered {sampled} / {_delivered} = {(double)sampled / Math.Max(1, _delivered):F4}"));
        return text.ToString();
    }

    private int Count(Verdict verdict) => _verdicts[(int)verdict];

    private static string Gaps(IReadOnlyList<double> milliseconds)
    {
        var gaps = new Distribution(milliseconds);
        return Invariant($"gap p50 {gaps.Percentile(50):F0} p99 {gaps.Percentile(99):F0} max {gaps.Percentile(100):F0} ms");
    }

    private static string Word(FaultKind kind) => kind.ToString().ToLowerInvariant();
}
